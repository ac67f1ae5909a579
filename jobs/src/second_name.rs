//! One program with two names: in the image `pulsarr-webhook-svc` is a link to `pulsarr`, and the name that it is started by says
//! which of the two it is.

use std::ffi::OsStr;
use std::path::Path;

/// The service's name.
const SERVICE: &str = "pulsarr-webhook-svc";

/// Whether this process was started by the service's name.
pub fn is_meant() -> bool {
    std::env::args_os().next().is_some_and(|started_as| is_service(&started_as))
}

fn is_service(started_as: &OsStr) -> bool {
    Path::new(started_as).file_name() == Some(OsStr::new(SERVICE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_part_of_the_path_counts_and_it_counts_whole() {
        let check =
            |started_as: &str, expected| assert_eq!(is_service(OsStr::new(started_as)), expected, "{started_as}");
        check("/pulsarr-webhook-svc", true);
        check("pulsarr-webhook-svc", true);
        check("/pulsarr", false);
        check("/pulsarr-webhook-svc/pulsarr", false);
        check("/pulsarr-webhook-svc-old", false);
        check("", false);
    }
}
