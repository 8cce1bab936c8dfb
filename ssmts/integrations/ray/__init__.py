"""Ray: score and fit on a cluster, through Ray Data (docs/production.md)."""

from ssmts.integrations.ray.scoring import predict
from ssmts.integrations.ray.sharding import fit_shards

__all__ = ["fit_shards", "predict"]
