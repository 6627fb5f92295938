# All values are in the state of Terraform too. Keep it encrypted, with few readers.
resource "random_id" "key" {
  for_each    = toset(["admin", "service"])
  byte_length = 13
}

resource "random_id" "key_secret" {
  for_each    = toset(["admin", "service"])
  byte_length = 32
}

resource "random_id" "command_key" {
  byte_length = 6
}

resource "random_id" "command_secret" {
  byte_length = 32
}

resource "random_id" "metrics_token" {
  byte_length = 24
}

resource "tls_private_key" "audit" {
  algorithm = "ED25519"
}

resource "aws_secretsmanager_secret" "this" {
  name                    = var.name
  description             = "Keys of the Secret that the chart's existingSecret.name names"
  recovery_window_in_days = var.deletion_protection ? 30 : 0
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id = aws_secretsmanager_secret.this.id
  secret_string = jsonencode({
    "database-url" = join("", [
      "postgres://perennial_app:", random_password.database_app.result, "@",
      aws_db_instance.this.endpoint, "/perennial?sslmode=no-verify",
    ])
    "database-owner-url" = join("", [
      "postgres://perennial:", random_password.database.result, "@",
      aws_db_instance.this.endpoint, "/perennial?sslmode=no-verify",
    ])
    "admin-key"            = "pk_${random_id.key["admin"].hex}_${random_id.key_secret["admin"].hex}"
    "service-key"          = "pk_${random_id.key["service"].hex}_${random_id.key_secret["service"].hex}"
    "metrics-token"        = random_id.metrics_token.hex
    "audit-key.pem"        = tls_private_key.audit.private_key_pem
    "s3-access-key-id"     = aws_iam_access_key.bucket.id
    "s3-secret-access-key" = aws_iam_access_key.bucket.secret
    "command-keys.json" = jsonencode({
      keys = [{ id = "ck_${random_id.command_key.hex}", secret = random_id.command_secret.hex }]
    })
  })
}

# Lets one service account read this one secret (IRSA). External Secrets uses it.
data "aws_iam_openid_connect_provider" "cluster" {
  url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
}

locals {
  issuer = replace(data.aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://", "")
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [data.aws_iam_openid_connect_provider.cluster.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "secrets" {
  name               = "${var.name}-secrets"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = [aws_secretsmanager_secret.this.arn]
  }
}

resource "aws_iam_role_policy" "secrets" {
  name   = "read"
  role   = aws_iam_role.secrets.id
  policy = data.aws_iam_policy_document.secrets.json
}
