//! What happens beside the runs: servers and what they say, drift, previews, cleaning.

mod cleaning;
mod deciding;
mod drift;
mod previews;
mod servers;
