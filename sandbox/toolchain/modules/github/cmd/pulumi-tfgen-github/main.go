// Command pulumi-tfgen-github writes the plugin's Pulumi schema.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"

	"tenancy.sandbox/github/provider"
)

func main() {
	tfgen.Main(provider.Name, provider.Version, provider.Provider())
}
