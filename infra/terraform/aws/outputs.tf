data "aws_region" "this" {}

output "helm_values" {
  description = "Values of the chart: terraform output -raw helm_values > values.yaml"
  value = yamlencode({
    temporal       = { address = var.temporal_address, namespace = var.temporal_namespace }
    existingSecret = { name = var.name }
    s3 = {
      endpoint = "https://s3.${data.aws_region.this.name}.amazonaws.com"
      bucket   = aws_s3_bucket.this.id
      region   = data.aws_region.this.name
    }
    networkPolicy = {
      enabled = true
      egress = [
        { name = "temporal", ports = [tonumber(split(":", var.temporal_address)[1])], to = [] },
        { name = "database", ports = [aws_db_instance.this.port], to = [] },
        { name = "s3", ports = [443], to = [] },
      ]
    }
  })
}

output "secret_name" {
  description = "Name in Secrets Manager. Each of its keys is a key of the Kubernetes Secret."
  value       = aws_secretsmanager_secret.this.name
}

output "secrets_role_arn" {
  description = "Annotation eks.amazonaws.com/role-arn of the service account that reads the secret."
  value       = aws_iam_role.secrets.arn
}

output "database_endpoint" {
  description = "host:port of PostgreSQL."
  value       = aws_db_instance.this.endpoint
}
