//! The settings beside rules and people: defaults, TMDB, the Plex server, and when days begin.

use super::*;

#[test]
fn the_other_settings_have_their_mistakes_too() {
    check("default: nothing\n", &[(1, "default: expected one of instance, none; found `nothing`")]);
    check(
        "time_zone: Europe/Berln\n",
        &[(1, "time_zone: no time zone is called `Europe/Berln`: did you mean `Europe/Berlin`?")],
    );
    check(
        "tmdb: {region: USA}\n",
        &[(1, "tmdb.region: expected a country of two letters such as US or DE, found `USA`")],
    );
    check(
        "plex: {server_url: 'plex:32400'}\n",
        &[(
            1,
            "plex.server_url: expected an address such as http://host:7878, found `plex:32400`: write http:// or https:// in \
             front",
        )],
    );
    let config = load_after("default: none\ntmdb: {api_key: '${PLEX_TOKEN}', region: de}\n").unwrap();
    assert_eq!(config.settings.default_routing, DefaultRouting::None);
    assert_eq!(config.settings.tmdb.region, "DE");
    assert!(config.policy().available.tmdb && !config.policy().available.plex_server);
}

#[test]
fn days_begin_where_the_settings_say_or_the_process_does() {
    let zone = |yaml: &str, vars: &[(&str, &str)]| {
        let config = load_in(folder(&[("pulsarr.yaml", yaml)]).path(), vars).unwrap();
        let listed = listed(&config, |name| name == "time_zone").remove(0);
        (config.zone.iana_name().map(str::to_owned), format!("{} ({})", listed.1, listed.2), config.warnings.len())
    };
    let found = |name: &str, listed: &str| (Some(name.to_owned()), listed.to_owned(), 0);
    let berlin = "time_zone: Europe/Berlin\n";
    assert_eq!(zone(berlin, &[("TZ", "Asia/Tokyo")]), found("Europe/Berlin", "Europe/Berlin (pulsarr.yaml:1)"));
    assert_eq!(zone("", &[("TZ", "Asia/Tokyo")]), found("Asia/Tokyo", "Asia/Tokyo (environment TZ)"));
    assert_eq!(zone("", &[("TZ", "")]), found("UTC", "UTC (default)"));
    assert_eq!(
        zone("", &[("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")]),
        (None, "CET-1CEST,M3.5.0,M10.5.0/3 (environment TZ)".to_owned(), 0)
    );
    assert_eq!(zone("", &[("TZ", ":/etc/localtime")]), (Some("UTC".to_owned()), "UTC (environment TZ)".to_owned(), 1));
    let error = load_in(folder(&[]).path(), &[("TZ", "Middle/Earth")]).unwrap_err();
    assert_eq!(error.to_string(), "TZ: expected a time zone such as Europe/Berlin, found `Middle/Earth`");
}
