# Identity, keys, secrets, parameters, logs and a task definition, as somebody writes them who runs tasks of a private
# image. `stage` changes what can be changed in place, and what must be made anew. Endpoint, region and keys come from the
# environment, as `tidegate env` prints it.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  max_retries = 2
}

variable "name" { type = string }

variable "stage" {
  type    = number
  default = 1
}

locals {
  first = var.stage == 1
  tags  = local.first ? { Project = "space", Stage = "first" } : { Project = "space", Owner = "team" }
}

data "aws_caller_identity" "me" {}
data "aws_region" "here" {}

data "aws_iam_policy" "execution" {
  arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = local.first ? ["ecs-tasks.amazonaws.com"] : ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
}

# Keys

resource "aws_kms_key" "main" {
  description             = "secrets of ${var.name}, stage ${var.stage}"
  deletion_window_in_days = 7
  enable_key_rotation     = local.first
  tags                    = local.tags
}

resource "aws_kms_key_policy" "main" {
  key_id = aws_kms_key.main.key_id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "Account"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
      }], local.first ? [] : [{
      Sid       = "Execution"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.execution.arn }
      Action    = "kms:Decrypt"
      Resource  = "*"
    }])
  })
}

resource "aws_kms_key" "second" {
  description             = "the other key of ${var.name}"
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.name}"
  target_key_id = local.first ? aws_kms_key.main.key_id : aws_kms_key.second.key_id
}

resource "aws_kms_grant" "execution" {
  name              = "${var.name}-${var.stage}"
  key_id            = aws_kms_key.main.key_id
  grantee_principal = aws_iam_role.execution.arn
  operations        = ["Decrypt", "DescribeKey"]
}

# Secrets and parameters

resource "aws_secretsmanager_secret" "registry" {
  name                    = "${var.name}/registry"
  description             = "registry of stage ${var.stage}"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = 0
  tags                    = local.tags
}

resource "aws_secretsmanager_secret_version" "registry" {
  secret_id     = aws_secretsmanager_secret.registry.id
  secret_string = jsonencode({ username = "alice", password = "s3cret-${var.stage}" })
}

resource "aws_secretsmanager_secret_policy" "registry" {
  secret_arn = aws_secretsmanager_secret.registry.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Stage${var.stage}"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.execution.arn }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

resource "aws_ssm_parameter" "plain" {
  name        = "/${var.name}/plain"
  description = "stage ${var.stage}"
  type        = "String"
  value       = "value-${var.stage}"
  tags        = local.tags
}

resource "aws_ssm_parameter" "secure" {
  name   = "/${var.name}/secure"
  type   = "SecureString"
  key_id = aws_kms_key.main.arn
  value  = "hidden-${var.stage}"
}

resource "aws_ssm_parameter" "list" {
  name  = "/${var.name}/list"
  type  = "StringList"
  value = join(",", [for index in range(var.stage + 1) : "item-${index}"])
}

# Identity

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution"
  path                 = "/tasks/"
  description          = "stage ${var.stage}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = local.first ? 3600 : 7200
  tags                 = local.tags
}

resource "aws_iam_policy" "read" {
  name = "${var.name}-read"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.registry.arn },
      ], local.first ? [] : [
      { Effect = "Allow", Action = ["ssm:GetParameters"], Resource = [aws_ssm_parameter.plain.arn, aws_ssm_parameter.secure.arn] },
    ])
  })
  tags = local.tags
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = local.first ? ["logs:PutLogEvents"] : ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.main.arn}:*"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.execution.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  count      = local.first ? 1 : 0
  role       = aws_iam_role.execution.name
  policy_arn = data.aws_iam_policy.execution.arn
}

resource "aws_iam_instance_profile" "main" {
  name = "${var.name}-profile"
  role = aws_iam_role.execution.name
  tags = local.tags
}

resource "aws_iam_group" "team" {
  name = local.first ? "${var.name}-team" : "${var.name}-crew"
}

resource "aws_iam_group_policy_attachment" "read" {
  group      = aws_iam_group.team.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_user" "alice" {
  name                 = "${var.name}-alice"
  permissions_boundary = local.first ? aws_iam_policy.read.arn : null
  tags                 = local.tags
}

resource "aws_iam_user_policy" "alice" {
  name   = "run"
  user   = aws_iam_user.alice.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = local.first ? "ecs:RunTask" : "ecs:*", Resource = "*" }] })
}

resource "aws_iam_user_policy_attachment" "alice" {
  user       = aws_iam_user.alice.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.alice.name
  groups = [aws_iam_group.team.name]
}

resource "aws_iam_access_key" "alice" {
  user   = aws_iam_user.alice.name
  status = local.first ? "Active" : "Inactive"
}

# Logs and tasks

resource "aws_cloudwatch_log_group" "main" {
  name              = "/ecs/${var.name}"
  retention_in_days = local.first ? 7 : 30
  tags              = local.tags
}

resource "aws_ecs_cluster" "main" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = local.first ? "disabled" : "enabled"
  }
  tags = local.tags
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = local.first ? ["FARGATE"] : ["FARGATE", "FARGATE_SPOT"]
  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = var.stage
  }
}

resource "aws_ecs_task_definition" "space" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = local.first ? "256" : "512"
  memory                   = "1024"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.execution.arn
  tags                     = local.tags
  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }
  container_definitions = jsonencode([{
    name                  = "space"
    image                 = "registry.example.test/alice/space:v${var.stage}"
    essential             = true
    portMappings          = [{ containerPort = 80 }]
    repositoryCredentials = { credentialsParameter = aws_secretsmanager_secret.registry.arn }
    environment           = [{ name = "STAGE", value = tostring(var.stage) }]
    secrets = [
      { name = "PASSWORD", valueFrom = "${aws_secretsmanager_secret.registry.arn}:password::" },
      { name = "HIDDEN", valueFrom = aws_ssm_parameter.secure.arn },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.main.name
        "awslogs-region"        = data.aws_region.here.name
        "awslogs-stream-prefix" = "space"
      }
    }
  }])
}

output "secret" { value = aws_secretsmanager_secret.registry.arn }
output "task_definition" { value = aws_ecs_task_definition.space.arn }
output "role" { value = aws_iam_role.execution.name }
