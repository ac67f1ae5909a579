//! Where a request comes from, as far as that can be believed. Headers say nothing unless a proxy that is trusted wrote them.

use std::net::{IpAddr, SocketAddr};

use warp::http::{HeaderMap, Uri, header};

/// Headers that only somebody writes who passes on the request of another.
const PASSED_ON: &[&str] =
    &["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// Addresses whose word counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies(Vec<(IpAddr, u8)>);

impl Proxies {
    /// Reads addresses and networks, `10.42.0.0/16, ::1`, separated by commas.
    ///
    /// # Errors
    /// The entry that is neither.
    pub fn parse(list: &str) -> Result<Self, String> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| network(entry).ok_or_else(|| entry.to_owned())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the word of `address` counts.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, length)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let beyond = 32 - u32::from(*length);
                u32::from(*network).checked_shr(beyond) == u32::from(address).checked_shr(beyond)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let beyond = 128 - u32::from(*length);
                u128::from(*network).checked_shr(beyond) == u128::from(address).checked_shr(beyond)
            }
            _ => false,
        })
    }
}

fn network(entry: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = entry.split_once('/').map_or((entry, None), |(address, length)| (address, Some(length)));
    let written: IpAddr = address.parse().ok()?;
    let address = written.to_canonical();
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        // Of `::ffff:10.0.0.0/104`, 96 bits only say that it is an IPv4 address.
        Some(length) if written.is_ipv6() && address.is_ipv4() => length.parse::<u8>().ok()?.checked_sub(96)?,
        Some(length) => length.parse().ok()?,
        None => most,
    };
    (length <= most).then_some((address, length))
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address: the socket's, or what a trusted proxy says. `None` when nobody knows.
    pub client: Option<IpAddr>,
    /// Whether a trusted proxy passed it on.
    pub by_proxy: bool,
    /// Whether it comes from a private network, for certain.
    pub local: bool,
    /// Whether no page from elsewhere can have had its name pointed at us to ask this: a trusted proxy passed it on, which takes only
    /// names that are ours, or the host asked for is an address or a name of home.
    pub by_own_name: bool,
}

impl Origin {
    /// Of a request with these headers from a socket at `remote`.
    pub fn of(remote: Option<IpAddr>, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let remote = remote.map(|remote| remote.to_canonical());
        let Some(socket) = remote else {
            return Self { client: None, by_proxy: false, local: false, by_own_name: host_is_at_home(headers) };
        };
        if proxies.trust(socket) {
            // A proxy that does not say for whom it asks may ask for anybody.
            let client = last_hop(headers, proxies);
            return Self { client, by_proxy: true, local: client.is_some_and(private), by_own_name: true };
        }
        // Whoever passes on somebody else's request is near, and that somebody may be anywhere.
        let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
        let by_own_name = host_is_at_home(headers);
        let local = private(socket) && !passed_on && by_own_name;
        Self { client: remote, by_proxy: false, local, by_own_name }
    }
}

/// The last address in `X-Forwarded-For` that is not itself a trusted proxy; the first one of all when all are.
fn last_hop(headers: &HeaderMap, proxies: &Proxies) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<&str> =
        values.map(|value| value.to_str().unwrap_or("?")).flat_map(|value| value.split(',')).collect();
    let mut found = None;
    for hop in hops.into_iter().rev() {
        let address = hop_address(hop.trim())?;
        found = Some(address);
        if !proxies.trust(address) {
            break;
        }
    }
    found
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Loopback, private, link-local, unique local.
fn private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local() || address.is_unique_local(),
    }
}

/// Whether the host that was asked for is an address or a name that only means something at home. Any other name can be made to mean
/// our address by its owner, whose pages would then ask us from a browser at home, as if they were ours (DNS rebinding).
fn host_is_at_home(headers: &HeaderMap) -> bool {
    const HOME: &[&str] = &[".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa"];
    let Some(host) = headers.get(header::HOST) else { return true };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Uri>().ok()) else { return false };
    let Some(host) = host.host().map(|host| host.trim_end_matches('.').to_ascii_lowercase()) else { return false };
    hop_address(&host).is_some() || !host.contains('.') || HOME.iter().any(|end| host.ends_with(end))
}

/// Whether a page of another site may have made a browser send this. Programs that are no browsers send neither header.
pub fn is_foreign(headers: &HeaderMap, by_proxy: bool) -> bool {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    if origins.next().is_some() {
        return true;
    }
    let Ok(origin) = origin.to_str() else { return true };
    // `null`, and what is no web page.
    let Some((scheme, origin)) = origin.split_once("://") else { return true };
    let named = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|host| without_port(scheme, host) == without_port(scheme, origin))
    };
    !(named("host") || (by_proxy && named("x-forwarded-host")))
}

/// The host in small letters, without the port that goes without saying.
fn without_port(scheme: &str, host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    host.strip_suffix(usual).map(str::to_owned).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use warp::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        pairs.iter().map(pair).collect()
    }

    fn origin(remote: &str, pairs: &[(&str, &str)]) -> Origin {
        let proxies = Proxies::parse("10.42.0.0/16, ::1").unwrap();
        Origin::of(Some(remote.parse().unwrap()), &headers(pairs), &proxies)
    }

    #[test]
    fn networks_are_read_and_nonsense_is_named() {
        let proxies = Proxies::parse("10.42.0.0/16, 192.0.2.7 ,::1,2001:db8::/32,").unwrap();
        for address in ["10.42.255.1", "192.0.2.7", "::1", "2001:db8:9::1", "::ffff:10.42.0.1"] {
            assert!(proxies.trust(address.parse().unwrap()), "{address}");
        }
        for address in ["10.43.0.1", "192.0.2.8", "::2", "2001:db9::1"] {
            assert!(!proxies.trust(address.parse().unwrap()), "{address}");
        }
        assert!(Proxies::parse("0.0.0.0/0").unwrap().trust("203.0.113.1".parse().unwrap()));
        assert!(Proxies::parse("::ffff:10.0.0.0/104").unwrap().trust("10.1.2.3".parse().unwrap()));
        for bad in ["traefik", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(Proxies::parse(&format!("::1, {bad}")), Err(bad.to_owned()));
        }
    }

    #[test]
    fn only_near_sockets_are_local() {
        for address in
            ["127.0.0.1", "192.168.1.9", "172.16.0.1", "169.254.1.1", "fd00::7", "fe80::1", "::ffff:10.0.0.9"]
        {
            assert!(origin(address, &[]).local, "{address}");
        }
        for address in ["203.0.113.5", "2001:db8::1", "100.64.0.1", "172.32.0.1"] {
            assert!(!origin(address, &[]).local, "{address}");
        }
    }

    #[test]
    fn a_near_socket_that_passes_on_is_not_local() {
        for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
            assert!(!origin("192.168.1.9", &[(name, "192.168.1.1")]).local, "{name}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger() {
        let local = |hops| origin("10.42.0.3", &[("X-Forwarded-For", hops)]).local;
        assert!(local("192.168.1.9"));
        assert!(local("203.0.113.5, 192.168.1.9, 10.42.7.7"), "what stands before the last stranger is hearsay");
        assert!(!local("192.168.1.9, 203.0.113.5"));
        assert!(!local("192.168.1.9, unknown"));
        assert!(!origin("10.42.0.3", &[]).local, "a proxy that does not say for whom");
        let found = origin("10.42.0.3", &[("X-Forwarded-For", "[2001:db8::9]:5000")]);
        assert_eq!(found.client, Some("2001:db8::9".parse().unwrap()));
    }

    #[test]
    fn a_name_that_anybody_could_point_at_us_is_not_local() {
        for host in ["192.168.1.5:3003", "[fd00::1]:3003", "nas", "nas.local:3003", "localhost:3003"] {
            assert!(origin("192.168.1.9", &[("Host", host)]).local, "{host}");
        }
        assert!(!origin("192.168.1.9", &[("Host", "evil.example:3003")]).local);
    }

    #[test]
    fn foreign_pages_are_told_by_their_origin() {
        let foreign = |pairs: &[(&str, &str)], by_proxy| is_foreign(&headers(pairs), by_proxy);
        assert!(!foreign(&[("Host", "nas:3003")], false), "no browser");
        assert!(!foreign(&[("Host", "nas:3003"), ("Origin", "http://NAS:3003")], false));
        assert!(!foreign(&[("Host", "nas"), ("Origin", "https://nas:443")], false));
        assert!(foreign(&[("Host", "nas:3003"), ("Origin", "http://nas:3004")], false));
        assert!(foreign(&[("Host", "nas:3003"), ("Origin", "null")], false));
        assert!(foreign(&[("Host", "nas:3003"), ("Sec-Fetch-Site", "cross-site")], false));
        let rewritten =
            [("Host", "pulsarr:3003"), ("X-Forwarded-Host", "tv.example"), ("Origin", "https://tv.example")];
        assert!(!foreign(&rewritten, true));
        assert!(foreign(&rewritten, false));
    }
}
