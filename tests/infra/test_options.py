"""The optional templates: firewall, backups in a second account, AWS Budget."""

import pytest

from benchmarks import costs
from infra import templates
from smartbudget.core.config import Config
from tests.infra import rendering

# The rules of AWSManagedRulesCommonRuleSet (docs/aws.md#core-rule-set).
CORE_RULES = {
    "CrossSiteScripting_BODY",
    "CrossSiteScripting_COOKIE",
    "CrossSiteScripting_QUERYARGUMENTS",
    "CrossSiteScripting_URIPATH",
    "EC2MetaDataSSRF_BODY",
    "EC2MetaDataSSRF_COOKIE",
    "EC2MetaDataSSRF_QUERYARGUMENTS",
    "EC2MetaDataSSRF_URIPATH",
    "GenericLFI_BODY",
    "GenericLFI_QUERYARGUMENTS",
    "GenericLFI_URIPATH",
    "GenericRFI_BODY",
    "GenericRFI_QUERYARGUMENTS",
    "GenericRFI_URIPATH",
    "NoUserAgent_HEADER",
    "RestrictedExtensions_QUERYARGUMENTS",
    "RestrictedExtensions_URIPATH",
    "SizeRestrictions_BODY",
    "SizeRestrictions_Cookie_HEADER",
    "SizeRestrictions_QUERYSTRING",
    "SizeRestrictions_URIPATH",
    "UserAgent_BadBots_HEADER",
}


def resource(template, name, **parameters):
    """Return the properties of a resource, with these parameters."""
    values = {**rendering.EVERYTHING, **parameters}
    return rendering.resources(template, values)[name]["Properties"]


# -- firewall


def rules(**parameters):
    declared = resource("firewall", "Firewall", **parameters)["Rules"]
    return {rule["Name"]: rule for rule in declared}


def test_requests_are_allowed_unless_a_rule_matches():
    assert resource("firewall", "Firewall")["DefaultAction"] == {"Allow": {}}


def test_what_users_write_and_upload_is_never_blocked():
    """Free text and files are in bodies and queries; a script needs no User-Agent."""
    group = rules(FirewallMode="block")["common-attacks"]["Statement"]
    overrides = group["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    counted = {rule["Name"] for rule in overrides}

    assert counted < CORE_RULES
    assert counted == {
        name
        for name in CORE_RULES
        if name.endswith(("_BODY", "_QUERYARGUMENTS", "_QUERYSTRING"))
        or name == "NoUserAgent_HEADER"
    }
    assert all(rule["ActionToUse"] == {"Count": {}} for rule in overrides)


@pytest.mark.parametrize(
    ("mode", "action"), [("count", {"Count": {}}), ("block", {"None": {}})]
)
def test_the_rule_groups_count_until_they_are_told_to_block(mode, action):
    groups = [r for r in rules(FirewallMode=mode).values() if "OverrideAction" in r]

    assert len(groups) == 3
    assert [group["OverrideAction"] for group in groups] == [action] * 3
    parameter = templates.read("firewall")["Parameters"]["FirewallMode"]
    assert parameter["Default"] == "count"


def test_floods_are_blocked_above_what_the_application_allows_one_caller():
    config = Config.from_env({"AWS_REGION": "us-east-1"})
    flood = rules()["floods"]["Statement"]["RateBasedStatement"]
    minutes = flood["EvaluationWindowSec"] / 60

    assert flood["AggregateKeyType"] == "IP"
    assert flood["Limit"] > minutes * (config.api_rate_limit + config.page_rate_limit)


def test_no_samples_of_requests_are_kept():
    """They would contain cookies and the keys of links in e-mails."""
    everything = [resource("firewall", "Firewall"), *rules().values()]

    for part in everything:
        assert part["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_the_rules_cost_no_extra_capacity():
    """AWS charges more per request above 1,500 units: 25, 200, 700, and 2 here."""
    assert list(rules()) == [
        "floods",
        "known-attackers",
        "known-attacks",
        "common-attacks",
    ]


def test_the_firewall_protects_the_load_balancer():
    association = resource("firewall", "FirewallAssociation")

    assert association["ResourceArn"].endswith(
        ":loadbalancer/app/balancer/0123456789abcdef"
    )


# -- backups


def selected():
    return resource("backup", "BackupSelection")["BackupSelection"]["Resources"]


def test_every_table_and_the_receipts_are_backed_up():
    data = rendering.resources("data").values()
    kept = {
        rendering.identity(resource)
        for resource in data
        if resource["Type"] == "AWS::DynamoDB::Table"
    }
    kept.add(f"arn:aws:s3:::{rendering.EVERYTHING['ReceiptsBucketName']}")

    assert set(selected()) == kept


def test_copies_go_to_the_vault_of_the_other_account():
    (rule,) = resource("backup", "BackupPlan")["BackupPlan"]["BackupPlanRule"]
    (copy,) = rule["CopyActions"]
    vault = resource("vault", "Vault")
    account = rendering.EVERYTHING["CopyAccount"]

    assert copy["DestinationBackupVaultArn"] == (
        f"arn:aws:backup:us-east-1:{account}:backup-vault:{vault['BackupVaultName']}"
    )
    assert rule["TargetBackupVault"] == "BackupVault"


@pytest.mark.parametrize(
    ("lock", "configuration"),
    [
        ("governance", {"MinRetentionDays": 14}),
        ("compliance", {"MinRetentionDays": 14, "ChangeableForDays": 3}),
    ],
)
def test_copies_cannot_be_deleted_early(lock, configuration):
    """A copy that is to be kept for a shorter time than the lock demands fails."""
    (rule,) = resource("backup", "BackupPlan")["BackupPlan"]["BackupPlanRule"]

    vault = resource("vault", "Vault", VaultLock=lock)

    assert vault["LockConfiguration"] == configuration
    assert rule["CopyActions"][0]["Lifecycle"] == {"DeleteAfterDays": 14}


def test_a_vault_can_be_without_a_lock():
    assert "LockConfiguration" not in resource("vault", "Vault", VaultLock="none")


def test_the_stage_can_only_copy_into_the_other_account():
    (statement,) = resource("vault", "Vault")["AccessPolicy"]["Statement"]
    (key,) = resource("vault", "VaultKey")["KeyPolicy"]["Statement"]
    stage, other = rendering.EVERYTHING["SourceAccount"], rendering.ACCOUNT

    assert statement["Action"] == "backup:CopyIntoBackupVault"
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{stage}:root"}
    assert key["Principal"] == {"AWS": f"arn:aws:iam::{other}:root"}


def test_the_other_account_can_decrypt_backups_and_copy_them_back():
    other = {"AWS": f"arn:aws:iam::{rendering.EVERYTHING['CopyAccount']}:root"}
    (back,) = resource("backup", "BackupVault")["AccessPolicy"]["Statement"]
    may = {
        action
        for statement in resource("backup", "BackupKey")["KeyPolicy"]["Statement"]
        if statement["Principal"] == other
        for action in rendering.many(statement["Action"])
    }

    assert back["Principal"] == other
    assert back["Action"] == "backup:CopyIntoBackupVault"
    assert {"kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant"} <= may
    assert not may & {"kms:*", "kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"}


def test_only_jobs_that_did_not_succeed_send_an_email():
    notified = resource("backup", "BackupVault")["Notifications"]
    subscription = resource("backup", "BackupFailures")

    assert set(notified["BackupVaultEvents"]) == {
        "BACKUP_JOB_COMPLETED",  # also of jobs that failed or expired
        "COPY_JOB_FAILED",
    }
    assert subscription["FilterPolicy"] == {"State": [{"anything-but": "COMPLETED"}]}


def test_vaults_and_their_keys_outlive_their_stacks():
    kept = [
        resource
        for template in ("backup", "vault")
        for resource in templates.read(template)["Resources"].values()
        if resource["Type"] in {"AWS::Backup::BackupVault", "AWS::KMS::Key"}
    ]

    assert len(kept) == 4
    for resource in kept:
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_the_estimate_of_the_costs_has_the_rules_and_days_of_the_templates():
    (rule,) = resource("backup", "BackupPlan")["BackupPlan"]["BackupPlanRule"]

    assert len(rules()) == costs.FIREWALL_RULES
    assert rule["Lifecycle"] == {"DeleteAfterDays": costs.BACKUP_DAYS}
    assert rule["CopyActions"][0]["Lifecycle"] == {"DeleteAfterDays": costs.COPY_DAYS}


# -- AWS Budget, access logs


def test_costs_are_reported_when_they_are_expected_and_when_they_are_reached():
    declared = resource("account", "MonthlyCosts", MonthlyDollars="150")
    warnings = {
        (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
        for n in declared["NotificationsWithSubscribers"]
    }

    assert declared["Budget"]["BudgetLimit"] == {"Amount": 150, "Unit": "USD"}
    assert declared["Budget"]["TimeUnit"] == "MONTHLY"
    assert warnings == {("FORECASTED", 100), ("ACTUAL", 80), ("ACTUAL", 100)}
    for notification in declared["NotificationsWithSubscribers"]:
        assert notification["Subscribers"] == [
            {"SubscriptionType": "EMAIL", "Address": "operators@example.com"}
        ]


def test_access_logs_expire_and_no_role_reads_them():
    """They contain the keys of links in e-mails."""
    everything = rendering.every_resource()
    bucket = everything["AccessLogsBucket"]["Properties"]
    name = rendering.EVERYTHING["AccessLogsBucketName"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    roles = [
        resource
        for resource in everything.values()
        if resource["Type"].startswith("AWS::IAM::")
    ]

    assert rule["ExpirationInDays"] == 30
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert name not in str(roles)


def test_access_logs_exist_only_if_they_have_a_name():
    without = rendering.every_resource(rendering.NECESSARY)

    assert not [name for name in without if name.startswith("AccessLogs")]
    assert "AccessLogs" not in str(without["Environment"])
    assert "LoggingConfiguration" not in without["ReceiptsBucket"]["Properties"]
