variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
  default     = "perennial"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.name))
    error_message = "The name is 2 to 25 lower-case letters, digits and hyphens."
  }
}

variable "bucket" {
  description = "Name of the new S3 bucket for artifacts. Names are unique over all accounts."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the cluster."
  type        = string
}

variable "database_subnet_ids" {
  description = "Private subnets of the VPC in at least two zones, for PostgreSQL."
  type        = list(string)
  validation {
    condition     = length(var.database_subnet_ids) >= 2
    error_message = "RDS needs subnets in two zones."
  }
}

variable "cluster_name" {
  description = "An existing EKS cluster with an OIDC provider in IAM."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the release."
  type        = string
  default     = "perennial"
}

variable "service_account" {
  description = "Kubernetes service account that may read the secret, by External Secrets."
  type        = string
  default     = "perennial-secrets"
}

variable "temporal_address" {
  description = "host:port of the Temporal service. This module creates none."
  type        = string
}

variable "temporal_namespace" {
  description = "Temporal namespace of Perennial."
  type        = string
  default     = "perennial"
}

variable "database_class" {
  description = "Instance class of PostgreSQL."
  type        = string
  default     = "db.m7g.large"
}

variable "database_gigabytes" {
  description = "First size of the database's storage. It grows up to ten times that."
  type        = number
  default     = 100
}

variable "multi_az" {
  description = "Whether PostgreSQL has a standby in another zone."
  type        = bool
  default     = true
}

variable "backup_days" {
  description = "Days for which the database can be restored to any point."
  type        = number
  default     = 14
}

variable "deletion_protection" {
  description = "Refuses the deletion of the database, and of a bucket with objects."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
