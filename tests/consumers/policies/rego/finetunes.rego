package finetunes

import rego.v1

deny contains message if {
	some change in input.resource_changes
	"create" in change.change.actions
	change.change.after.public
	message := sprintf("%s would be public for good", [change.address])
}

deny contains message if {
	some change in input.resource_changes
	change.change.after.adapter.rank > 4
	message := sprintf("%s has rank %d, over 4", [change.address, change.change.after.adapter.rank])
}

deny contains message if {
	some change in input.reconciler.changes
	change.action == "forget"
	message := sprintf("%s would stay in the account with nobody to look after it", [change.address])
}
