#![doc = include_str!("README.md")]

use schemars::JsonSchema;
use serde::Deserialize;

/// There is nothing to configure. The graph of the pipelines knows where it leads; nothing runs here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
