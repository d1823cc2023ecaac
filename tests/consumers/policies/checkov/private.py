"""A custom policy for checkov, which loads it by itself."""

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class Private(BaseResourceCheck):
    def __init__(self):
        super().__init__(
            name="A finetune is private",
            id="CKV_FINETUNE_1",
            categories=[CheckCategories.CONVENTION],
            supported_resources=["finetune"],
        )

    def scan_resource_conf(self, conf):
        return CheckResult.PASSED if conf["public"] == [False] else CheckResult.FAILED


check = Private()
