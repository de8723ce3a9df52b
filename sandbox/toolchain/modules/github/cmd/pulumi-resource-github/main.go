// Command pulumi-resource-github is the plugin that the engine starts.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"

	"tenancy.sandbox/github/provider"
)

// schema.json is made by pulumi-tfgen-github; ../../build.sh does both steps.
//
//go:embed schema.json
var schema []byte

func main() {
	tfbridge.Main(provider.Name, provider.Version, provider.Provider(), schema)
}
