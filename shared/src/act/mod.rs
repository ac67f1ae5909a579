//! Brings decided titles into their instances: works off the durable queue of each instance, all instances at once, one title
//! after the other within each. One broken instance delays only itself.

mod acted;
mod attempts;
mod choices;
mod queue;

pub use acted::Acted;
pub use attempts::look_for_attempts;
pub(crate) use choices::{Choices, NoChoice};
pub use choices::{quality_profile, root_folder};
pub use queue::work_off;
