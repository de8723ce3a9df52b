"""Stand-in for pulumi-resource-tls, after hashicorp/terraform-provider-tls, the official one's source."""
