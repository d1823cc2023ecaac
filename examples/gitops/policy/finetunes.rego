# What no plan may do here. `conftest test --policy policy plan.json` evaluates it in the pipeline;
# a plan has Terraform's shape, and its own facts below `reconciler`.
package main

import rego.v1

deny contains message if {
	some change in input.resource_changes
	change.change.after.public
	message := sprintf("%s would be public, and the API cannot take that back", [change.address])
}

deny contains message if {
	some change in input.resource_changes
	"create" in change.change.actions
	not has_text(change.change.after.description)
	message := sprintf("%s has no description, and will never get one", [change.address])
}

deny contains message if {
	some change in input.reconciler.changes
	change.action == "forget"
	message := sprintf("%s would stay in the account with nobody to look after it", [change.address])
}

has_text(text) if count(text) > 0
