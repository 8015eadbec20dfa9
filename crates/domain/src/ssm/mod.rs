//! The rules of SSM Parameter Store: names and hierarchies, labels, tiers and values, parameter policies, filters.

mod filter;
mod name;
mod policy;
mod version;

pub use filter::{Depth, Filter, FilterError, Listing, Searchable, path_matches};
pub use name::{Asked, NameError, SECRET_PREFIX, check_name_read, check_new_name, check_path, parameter_arn};
pub use policy::{ParameterPolicy, PolicyError, parse_policies};
pub use version::{
    DataTypeError, Kind, PatternError, Tier, TierError, check_data_type, check_value, is_valid_label, tier,
};
