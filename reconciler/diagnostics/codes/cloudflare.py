"""R5: findings of the Cloudflare client."""

from reconciler.diagnostics.code import Code

# How to get there: credentials, addresses, the network.

MISSING_CREDENTIALS = Code(
    "R501",
    "Missing credentials",
    why="The account is read and written with an API token, and none was found in the environment. "
    "Credentials are never read from a file of the repository.",
    fix="Set CLOUDFLARE_API_TOKEN to a token with the permissions Workers AI Read and Workers AI "
    "Write, or set both CLOUDFLARE_API_KEY and CLOUDFLARE_EMAIL. `reconciler plan --no-refresh` "
    "needs none.",
)
MALFORMED_CREDENTIALS = Code(
    "R502",
    "Malformed credentials",
    why="A credential with a space, a line break or a character outside ASCII cannot be sent in an "
    "HTTP header. It is usually a slip while copying.",
    fix="Set the variable to the bare value: no quotes, no word Bearer, no line break at the end.",
)
INVALID_BASE_URL = Code(
    "R503",
    "Invalid base URL",
    why="The token is sent to the base URL, so it has to be an https address without anything "
    "that could send it astray. Plain http is accepted for this machine only.",
    fix="Leave the base URL unset to use https://api.cloudflare.com/client/v4, or give a plain "
    "https URL in --base-url, CLOUDFLARE_API_BASE_URL or CLOUDFLARE_BASE_URL.",
)
INVALID_ACCOUNT_ID = Code(
    "R504",
    "Invalid account id",
    why="The account id becomes a part of the address of every request.",
    fix="Copy the account id from the Cloudflare dashboard: 32 hex digits.",
)
INVALID_NETWORK_SETTING = Code(
    "R505",
    "Invalid network setting",
    why="A proxy or a file of trusted certificates was named in the environment, and cannot be "
    "used. Going on without it could reach another network than the one that was meant.",
    fix="Correct or unset the variable: HTTPS_PROXY takes an http:// or https:// URL, "
    "REQUESTS_CA_BUNDLE and SSL_CERT_FILE take a file that exists.",
)

# Nothing was executed.

UNREACHABLE = Code(
    "R506",
    "API unreachable",
    why="No connection to the API could be made, so nothing was sent and nothing was changed.",
    fix="Check the network, the proxy (HTTPS_PROXY) and https://www.cloudflarestatus.com, "
    "then run it again.",
)
TLS_FAILED = Code(
    "R507",
    "Secure connection failed",
    why="The server could not prove that it is the API, so nothing was sent to it.",
    fix="Where a company proxy inspects TLS, name its certificate file in REQUESTS_CA_BUNDLE. "
    "Check the clock of this machine. Verification cannot be turned off.",
)
INTERRUPTED_WAIT = Code(
    "R508",
    "Interrupted while waiting",
    why="The command was told to stop while it waited for the rate limit or before another "
    "attempt. The request was not sent.",
    fix="Run it again; it goes on where it stopped.",
)
ACCESS_DENIED = Code(
    "R509",
    "Access denied by the API",
    why="The API did not accept the credentials for this account, so it did nothing.",
    fix="Check that the token is active, belongs to this account and has the permissions Workers "
    "AI Read (to plan) and Workers AI Write (to apply).",
)
NO_SUCH_ROUTE = Code(
    "R510",
    "No such address at the API",
    why="The API does not know the address that was asked for. That is nearly always a wrong "
    "account id or a wrong base URL.",
    fix="Check account_id (or CLOUDFLARE_ACCOUNT_ID) and the base URL.",
)
RATE_LIMITED = Code(
    "R511",
    "Rate limit reached",
    why="Cloudflare takes 1200 requests in five minutes a token, whoever sends them, and then "
    "refuses all for up to five minutes. A refused request was not executed.",
    fix="Wait five minutes and run it again. Where other jobs share the token, lower "
    "limits.requests_per_5_minutes in reconciler.yaml or give this job a token of its own.",
)
REQUEST_REFUSED = Code(
    "R512",
    "Request refused by the API",
    why="The API answered with an error of its own, which means that it did not do what was asked.",
    fix="The detail has Cloudflare's code and message; see "
    "https://developers.cloudflare.com/workers-ai/platform/errors/.",
)

# The list cannot be trusted.

NO_ANSWER = Code(
    "R513",
    "No complete answer from the API",
    why="The request was sent, and the answer was missing, late or cut short, several times.",
    fix="Check https://www.cloudflarestatus.com and run it again.",
)
UNREADABLE_ANSWER = Code(
    "R514",
    "Unreadable answer from the API",
    why="The answer is not of a shape that the API is known to give. Taking it for an empty "
    "account could create everything a second time, so nothing goes on.",
    fix="Check the base URL and whether something between here and Cloudflare answers in its "
    "place. If the API has changed, please report it.",
)
INCOMPLETE_LISTING = Code(
    "R515",
    "Incomplete list of finetunes",
    why="The API says how many finetunes there are, and another number could be read. What is "
    "missing from the list would be created a second time, so nothing goes on.",
    fix="Run it again when nobody else is changing the account. If it stays, please report it.",
)

# Nobody knows whether it was executed.

UNCLEAR_CREATE = Code(
    "R516",
    "Create without a clear answer",
    why="The create was sent and may have been executed. It is never sent again by itself, because "
    "the API can neither undo a second one nor recognise it.",
    fix="The next apply looks for it in the account. If it does not show up, decide with "
    "`reconciler resolve ADDRESS --adopt ID` or `--retry`.",
)
ALREADY_EXISTS = Code(
    "R517",
    "Finetune exists already",
    why="The API says that there is a finetune of that name, although the list did not show it "
    "when the plan was made.",
    fix="Plan again: what is in the account under that name with the same attributes is imported.",
)
UNCLEAR_UPLOAD = Code(
    "R518",
    "Upload without a clear answer",
    why="The file was sent, wholly or in part, and the API did not acknowledge it.",
    fix="Run apply again: the same bytes are sent to the same finetune.",
)
ASSET_EXISTS = Code(
    "R519",
    "Asset exists already",
    why="The API says that the finetune has this file. It does not show its content, so whether it "
    "is the same file is not known.",
    fix="`reconciler verify` asks the finetune for one token. If it does not answer, create the "
    "adapter under another name: assets cannot be replaced.",
)
CREATED_DIFFERENTLY = Code(
    "R520",
    "Created with other attributes",
    why="The finetune was created, and the API recorded something else than was sent. The state "
    "holds what the API says.",
    fix="Plan again: it shows the difference. A finetune cannot be edited, so either make the "
    "manifest say the same or choose another name.",
)
ASSET_CHANGED = Code(
    "R521",
    "File changed during the upload",
    why="The file did not have the size it had when it was inspected. The upload was cut off "
    "before its end, so the finetune has no such file.",
    fix="Make sure that nothing writes to the adapter's folder, then plan and apply again.",
)
