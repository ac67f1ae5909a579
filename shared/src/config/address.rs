//! Base addresses of other services: absolute `http` or `https`, with a host, perhaps a port and a base path, and
//! nothing else.

use reqwest::Url;

use super::finding::quoted;

/// The address as requests are built from it: normalised, without a trailing slash.
///
/// # Errors
/// A sentence that names the mistake. An address with credentials or a query is not repeated in it, because both may be
/// secret.
pub(super) fn base_address(text: &str) -> Result<String, String> {
    const SHAPE: &str = "expected an address such as http://host:7878";
    if text.contains(['@', '?', '#']) {
        return Err(
            "an address must not contain `@`, `?` or `#`: credentials and keys do not belong here. Keep scheme, \
                    host, port and base path"
                .to_owned(),
        );
    }
    let shown = quoted(text);
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("{SHAPE}, found {shown} with a space in it"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("{SHAPE}, found {shown}: write http:// or https:// in front"));
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(format!("{SHAPE}, found {shown}: only http and https are spoken here"));
    }
    // The parser reads `http:///path` as host `path`, which nobody means.
    if rest.starts_with(['/', '\\']) {
        return Err(format!("{SHAPE}, found {shown} without a host"));
    }
    let url = Url::parse(text).map_err(|error| format!("{SHAPE}, found {shown}: {error}"))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_base_path_and_loses_its_slash() {
        let check = |text, expected: &str| assert_eq!(base_address(text).as_deref(), Ok(expected));
        check("http://radarr:7878", "http://radarr:7878");
        check("http://radarr:7878/", "http://radarr:7878");
        check("https://Media.example/radarr//", "https://media.example/radarr");
        check("HTTP://10.0.0.7:7878/radarr", "http://10.0.0.7:7878/radarr");
        check("http://[fd00::7]:7878", "http://[fd00::7]:7878");
    }

    #[test]
    fn a_wrong_address_is_explained() {
        let check = |text, expected: &str| assert_eq!(base_address(text).unwrap_err(), expected);
        let shape = "expected an address such as http://host:7878, found";
        check("radarr:7878", &format!("{shape} `radarr:7878`: write http:// or https:// in front"));
        check("ftp://radarr", &format!("{shape} `ftp://radarr`: only http and https are spoken here"));
        check("http://", &format!("{shape} `http://`: empty host"));
        check("http:///movies", &format!("{shape} `http:///movies` without a host"));
        check("http://radarr:99999", &format!("{shape} `http://radarr:99999`: invalid port number"));
        check("http://rad arr", &format!("{shape} `http://rad arr` with a space in it"));
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_repeated() {
        for text in ["http://me:hunter2@radarr:7878", "http://radarr:7878?apikey=hunter2", "http://radarr#hunter2"] {
            let message = base_address(text).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
