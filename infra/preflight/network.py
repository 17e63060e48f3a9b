"""Check the network of servers and load balancer."""

from collections.abc import Iterator
from typing import Any

from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import Plan

FREE_ADDRESSES = 8  # that a load balancer needs in a subnet


def check_network(plan: Plan) -> Iterator[Finding]:
    """Check the VPC and its subnets, given or the default."""
    names = ("VpcId", "InstanceSubnets", "LoadBalancerSubnets")
    given = [name for name in names if plan.get(name)]
    if given and len(given) < len(names):
        yield stop(f"{', '.join(names)} must be given together, or none of them")
        return
    ec2 = plan.client("ec2")
    if not given:
        yield from _default_network(plan, ec2)
        return
    vpc = plan.get("VpcId")
    for name, public in (("InstanceSubnets", False), ("LoadBalancerSubnets", True)):
        wanted = plan.get(name).split(",")
        subnets = _described(ec2, "subnet-id", wanted)
        missing = set(wanted) - {subnet["SubnetId"] for subnet in subnets}
        if missing:
            yield stop(f"{name}: {', '.join(sorted(missing))} does not exist")
        if any(subnet["VpcId"] != vpc for subnet in subnets):
            yield stop(f"{name} are not all in {vpc}")
        if not missing:
            yield from _subnets(plan, ec2, name, subnets, public=public)


def _default_network(plan: Plan, ec2: Any) -> Iterator[Finding]:
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])[
        "Vpcs"
    ]
    if not vpcs:
        yield stop(
            "the region has no default VPC; create it, or give VpcId,"
            " InstanceSubnets and LoadBalancerSubnets",
            "aws ec2 create-default-vpc",
        )
        return
    subnets = [
        subnet
        for subnet in _described(ec2, "vpc-id", [vpcs[0]["VpcId"]])
        if subnet["DefaultForAz"]
    ]
    yield from _subnets(plan, ec2, "the default VPC", subnets, public=True)


def _described(ec2: Any, name: str, values: list[str]) -> list[Any]:
    subnets: list[Any] = ec2.describe_subnets(
        Filters=[{"Name": name, "Values": values}]
    )["Subnets"]
    return subnets


def _subnets(
    plan: Plan, ec2: Any, name: str, subnets: list[Any], *, public: bool
) -> Iterator[Finding]:
    """Check subnets. public: whether they must be open to the internet."""
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    if len(zones) < 2:
        yield stop(f"{name}: subnets in two zones are needed, not in {len(zones)}")
        return
    for subnet in subnets:
        identity = subnet["SubnetId"]
        if subnet["AvailableIpAddressCount"] < FREE_ADDRESSES:
            yield stop(f"{name}: {identity} has too few free addresses")
        target = _default_route_target(ec2, subnet)
        if target is None:
            yield stop(f"{name}: {identity} has no route to the internet")
        elif public and not target.startswith("igw-"):
            yield stop(f"{name}: {identity} is not public: it leads to {target}")
        elif target.startswith("igw-") and not _gives_addresses(subnet, name):
            yield stop(
                f"{name}: servers in {identity} get no public address, and there is"
                " no NAT gateway",
                "aws ec2 modify-subnet-attribute --map-public-ip-on-launch"
                f" --subnet-id {identity}",
            )
    yield from _zones(plan, ec2, name, zones)
    yield ok(f"{name}: {len(subnets)} subnets in {len(zones)} zones")


def _gives_addresses(subnet: Any, name: str) -> bool:
    return bool(subnet["MapPublicIpOnLaunch"]) or name == "LoadBalancerSubnets"


def _default_route_target(ec2: Any, subnet: Any) -> str | None:
    """Return the target of a subnet's default route, or None without one."""
    own = _tables(ec2, "association.subnet-id", subnet["SubnetId"])
    for table in own or [
        table
        for table in _tables(ec2, "vpc-id", subnet["VpcId"])
        if any(association.get("Main") for association in table["Associations"])
    ]:
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == "0.0.0.0/0":
                kinds = ("GatewayId", "NatGatewayId", "TransitGatewayId", "InstanceId")
                return next((route[kind] for kind in kinds if route.get(kind)), "?")
    return None


def _tables(ec2: Any, name: str, value: str) -> list[Any]:
    tables: list[Any] = ec2.describe_route_tables(
        Filters=[{"Name": name, "Values": [value]}]
    )["RouteTables"]
    return tables


def _zones(plan: Plan, ec2: Any, name: str, zones: set[str]) -> Iterator[Finding]:
    """Check that all zones offer the type of the servers."""
    if name == "LoadBalancerSubnets":
        return
    kind = plan.get("InstanceType")
    offered = {
        offering["Location"]
        for offering in ec2.describe_instance_type_offerings(
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": [kind]}],
        )["InstanceTypeOfferings"]
    }
    if without := sorted(zones - offered):
        yield warning(
            f"{name}: {', '.join(without)} does not offer {kind}; give InstanceSubnets"
            " in other zones, or another InstanceType",
            "aws ec2 describe-instance-type-offerings --location-type"
            f" availability-zone --filters Name=instance-type,Values={kind}",
        )
