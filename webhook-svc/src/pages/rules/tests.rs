//! Stories of somebody with a browser that runs no scripts.

use pulsarr_shared::model::{
    Decision, Destination, EntryId, ExternalIds, Granted, ListedTitle, MediaType, Outcome, PlexId, Relation, Stage,
    TmdbId, Trace, UserUuid, Verdict,
};
use pulsarr_shared::store::Store;
use serde_json::{Value, json};

use crate::api::household::{Household, NOON};
use crate::pages::testing::{Shown, Visitor};

mod list;
mod trials;

const SETTINGS: &str = "\
plex: {token: xxxxxxxxxxxxxxxxxxxx}
instances:
- {name: movies, kind: radarr, url: 'http://127.0.0.1:9', api_key: 0123456789abcdef0123456789abcdef, default: true}
- {name: uhd, kind: radarr, url: 'http://127.0.0.1:8', api_key: 0123456789abcdef0123456789abcdef}
- {name: anime, kind: sonarr, url: 'http://127.0.0.1:7', api_key: 0123456789abcdef0123456789abcdef}
rules:
- {name: old films, when: {year: {'<': 1960}}, route: uhd}
tests:
- {name: Laura is old, given: {title: Laura, type: movie, year: 1944}, expect: {route: [uhd]}}
- {name: Heat is old, given: {title: Heat, type: movie, year: 1995}, expect: {route: [uhd]}}
";

/// Puts `count` films of 2025 on ana's list; the first is called `title`.
fn wish(visitor: &Visitor, count: u32, title: &str) {
    let ana = UserUuid::parse("5be07c1d2a94f036").unwrap();
    visitor.write(|db| {
        let user = db.upsert_user(&ana, "ana <i>\u{202e}", "Ana", Relation::Owner, 1)?;
        for number in 1..=count {
            let title = db.upsert_listed_title(&ListedTitle {
                plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                media_type: MediaType::Movie,
                title: if number == 1 { title.to_owned() } else { format!("Salt Ledger {number}") },
                year: Some(2025),
                ids: Some(ExternalIds { tmdb: Some(TmdbId(number)), ..ExternalIds::default() }),
                poster_url: None,
            })?;
            db.open_entry(user, title, 1_000)?;
        }
        Ok(())
    });
}

/// The rules that are kept, by name.
fn kept(visitor: &Visitor) -> Vec<(String, Value)> {
    let store = Store::open(visitor.service.folder.path(), false).unwrap();
    let kept = store.read().declarations().unwrap();
    kept.into_iter().map(|it| (it.name, it.body)).collect()
}

/// What a browser would send of the form that is shown, with this button.
fn form(page: &str, button: &str) -> Vec<(String, String)> {
    let start = page.find("data-rule>").unwrap();
    let html = &page[start..start + page[start..].find("</form>").unwrap()];
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!(" {name}=\""))?.1;
        Some(unescaped(&rest[..rest.find('"')?]))
    };
    let mut sent = Vec::new();
    let mut select: Option<String> = None;
    let mut rest = html;
    while let Some(begin) = rest.find('<') {
        let end = begin + rest[begin..].find('>').unwrap();
        let tag = &rest[begin..end];
        rest = &rest[end + 1..];
        let name = attribute(tag, "name");
        if tag.starts_with("<select") {
            select = name;
        } else if tag.starts_with("<option") && tag.ends_with(" selected") {
            let shown = || rest[..rest.find('<').unwrap()].to_owned();
            sent.push((select.clone().unwrap(), attribute(tag, "value").unwrap_or_else(shown)));
        } else if tag.starts_with("<textarea") {
            let text = &rest[..rest.find("</textarea>").unwrap()];
            sent.push((name.unwrap(), unescaped(text.strip_prefix('\n').unwrap_or(text))));
        } else if tag.starts_with("<input") {
            let box_ = tag.contains("type=\"checkbox\"");
            let name = name.unwrap();
            if name != "csrf_token" && (!box_ || tag.ends_with(" checked")) {
                sent.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        }
    }
    // Some of its buttons stand elsewhere.
    let is_there = page.contains(&format!("name=\"do\" value=\"{button}\""));
    assert!(is_there, "there is no button `{button}` in {page}");
    sent.push(("do".to_owned(), button.to_owned()));
    sent
}

fn unescaped(text: &str) -> String {
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, meant)| text.replace(entity, meant))
}

/// Somebody at the builder.
struct Builder<'v> {
    visitor: &'v Visitor,
    path: String,
    shown: Shown,
}

impl<'v> Builder<'v> {
    async fn open(visitor: &'v Visitor, path: &str) -> Self {
        let shown = visitor.get(path).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        Self { visitor, path: path.split('?').next().unwrap().to_owned(), shown }
    }

    /// Types into fields, in addition to what stands there, and presses a button.
    async fn press(&mut self, button: &str, typed: &[(&str, &str)]) -> &Shown {
        let mut fields = form(&self.shown.text, button);
        let names: Vec<&str> = typed.iter().map(|(name, _)| *name).collect();
        fields.retain(|(name, _)| !names.contains(&name.as_str()));
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.shown = self.visitor.post(&self.path, &fields).await;
        &self.shown
    }

    fn value(&self, name: &str) -> Vec<String> {
        let all = form(&self.shown.text, "save");
        all.into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
    }
}

#[tokio::test]
async fn a_nested_rule_is_built_button_by_button_and_kept_exactly() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    builder.press("add when", &[("name", "Kids & co"), ("label", "for {user}")]).await;
    assert_eq!(builder.value("name"), ["Kids & co"], "what was typed stays");
    builder.press("redraw", &[("when.0.field", "type")]).await;
    assert_eq!(builder.value("when.0.op"), ["equals"], "an operator that fits");
    builder.press("group when", &[("when.0.value", "movie")]).await;
    builder.press("add when.1", &[("when.1.0.value", "Family")]).await;
    builder.press("redraw", &[("when.1.1.field", "year"), ("when.1.kind", "not")]).await;
    builder.press("redraw", &[("when.1.1.op", "between")]).await;
    let mut fields = form(&builder.shown.text, "group when.1");
    fields.retain(|(name, _)| name != "when.1.1.value");
    fields.extend(["1990", "1999"].map(|year| ("when.1.1.value".to_owned(), year.to_owned())));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    builder.shown = visitor.post("/rules/new", &fields).await;
    assert_eq!(builder.value("when.1.1.value"), ["1990", "1999"]);
    builder.press("add when.1.2", &[("when.1.2.0.op", "in"), ("when.1.2.0.value", "Anime, \"a, b\"")]).await;
    builder.press("remove when.1.2.1", &[]).await;
    builder.press("route", &[]).await;
    builder.press("options 0", &[("route.0.to", "uhd")]).await;
    builder.press("route", &[("route.0.quality_profile", "HD 1080p"), ("route.0.tags", "a, b")]).await;
    builder.press("unroute 1", &[]).await;
    assert_eq!(builder.value("route.0.tags"), ["a, b"]);
    let saved = builder
        .press(
            "save",
            &[
                ("require_approval", "true"),
                ("reason", "costs much"),
                ("priority", "7"),
                ("route.0.monitor", "movie_only"),
            ],
        )
        .await;
    assert_eq!((saved.status, saved.header("location")), (303, "/rules"), "{}", saved.text);
    let expected = json!({
        "name": "Kids & co", "priority": 7, "label": "for {user}", "require_approval": "costs much",
        "when": {"all": [
            {"type": {"equals": "movie"}},
            {"not": {"any": [
                {"genre": {"contains": "Family"}},
                {"year": {"between": [1990, 1999]}},
                {"any": [{"genre": {"in": ["Anime", "a, b"]}}]},
            ]}},
        ]},
        "route": [{"to": "uhd", "quality_profile": "HD 1080p", "tags": ["a", "b"], "monitor": "movie_only"}],
    });
    assert_eq!(kept(&visitor), [("kids & co".to_owned(), expected)]);

    // It opens again as it was, and what the settings say is one sentence in the list.
    let again = Builder::open(&visitor, "/rules/kids%20%26%20co").await;
    assert_eq!(again.value("when.1.2.0.value"), ["Anime, \"a, b\""]);
    assert_eq!(
        (again.value("when.1.kind"), again.value("reason")),
        (vec!["not".to_owned()], vec!["costs much".to_owned()])
    );
    let list = visitor.get("/rules").await.text;
    assert!(list.contains("Kids &#38; co") && list.contains("goes to uhd with monitor movie_only"), "{list}");
    assert!(list.contains("priority 7"), "{list}");
}

#[tokio::test]
async fn mistakes_stand_at_their_fields_and_nothing_is_kept() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    builder.press("add when", &[]).await;
    builder.press("group when", &[]).await;
    builder.press("redraw", &[("when.1.0.field", "year")]).await;
    builder.press("route", &[]).await;
    let wrong = [
        ("name", "fields"),
        ("when.1.0.value", "soon"),
        ("route.0.to", "gone"),
        ("priority", "high"),
        ("auto_approve", "true"),
        ("require_approval", "true"),
    ];
    let refused = builder.press("save", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("is an address of the API itself"), "{}", refused.text);
    let refused = builder.press("save", &[("name", "a")]).await;
    for (field, message) in [
        ("when.0", "`contains` needs a value"),
        ("when.1.0", "expected a number, found `soon`"),
        ("route.0.to", "`gone`"),
        ("priority", "expected a whole number"),
        ("auto_approve", "asks for approval and gives it at once"),
    ] {
        let at = refused.text.split_once(&format!("id=\"{field}-error\">")).map(|(_, rest)| rest).unwrap_or_default();
        let told = unescaped(at.split('<').next().unwrap());
        assert!(told.contains(message), "{field}: {told} in {}", refused.text);
    }
    assert!(refused.text.contains("Nothing was saved"));
    assert_eq!(builder.value("when.1.0.value"), ["soon"]);
    let empty = builder.press("save", &[("name", "")]).await;
    assert!(empty.text.contains("id=\"name-error\">is empty"), "{}", empty.text);
    assert!(kept(&visitor).is_empty());

    // A rule that does nothing, and a name that is taken.
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    let nothing = builder.press("save", &[("name", "a")]).await;
    assert!(nothing.text.contains("The rule does nothing: add one of"), "{}", nothing.text);
    let taken = builder.press("save", &[("name", "OLD films"), ("exclude", "true")]).await;
    assert!(taken.status == 409 && taken.text.contains("choose another name"), "{}", taken.text);
    assert_eq!(visitor.post_as("/rules/new", "guessed", &[("do", "save"), ("name", "x")]).await.status, 403);
    assert!(kept(&visitor).is_empty());
}

#[tokio::test]
async fn text_and_builder_carry_what_was_typed_from_one_to_the_other() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    builder.press("add when", &[("name", "#1: yes")]).await;
    builder.press("text", &[("when.0.value", "Anime"), ("exclude", "true")]).await;
    let text = builder.value("text").remove(0);
    assert_eq!(text, "name: \"#1: yes\"\nwhen:\n  genre:\n    contains: Anime\nexclude: true\n");
    builder
        .press("builder", &[("text", "name: x\r\nwhen: {any: [{year: 1999}, {anime: true}]}\r\nroute: uhd\r\n")])
        .await;
    assert_eq!(
        (builder.value("when.kind"), builder.value("when.0.value")),
        (vec!["any".to_owned()], vec!["1999".to_owned()])
    );
    assert_eq!((builder.value("route.0.to"), builder.value("exclude")), (vec!["uhd".to_owned()], Vec::new()));

    // What is no YAML, and what the builder cannot show, stays as it was typed, with its line.
    builder.press("text", &[]).await;
    let broken = builder.press("builder", &[("text", "name: x\nwhen: [\n")]).await;
    assert!(broken.text.contains("Line 2") || broken.text.contains("Line 3"), "{}", broken.text);
    assert_eq!(builder.value("text"), ["name: x\nwhen: [\n"]);
    let odd = builder.press("builder", &[("text", "name: x\nwhen: {yeer: 1}\n")]).await;
    assert!(odd.text.contains("there is no field `yeer`"), "{}", odd.text);
    let refused =
        builder.press("save", &[("text", "name: x\nwhen:\n  all:\n  - year: soon\n  - type: play\nlabel: y\n")]).await;
    assert_eq!(refused.status, 422);
    let told = unescaped(&refused.text);
    assert!(told.contains("Line 4: when.all[0].year") && told.contains("Line 5: when.all[1].type"), "{told}");
    let saved = builder.press("save", &[("text", "# mine\nname: x\nwhen: {year: 0x7cf}\nlabel: y\n")]).await;
    assert_eq!(saved.status, 422, "no number that people write: {}", saved.text);
    let saved = builder.press("save", &[("text", "# mine\nname: x\nwhen: {year: 1999}\nlabel: y\n")]).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(kept(&visitor), [("x".to_owned(), json!({"name": "x", "when": {"year": 1999}, "label": "y"}))]);
}

#[tokio::test]
async fn the_second_of_two_browsers_sees_both_versions_and_may_insist() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let mut first = Builder::open(&visitor, "/rules/new").await;
    assert_eq!(first.press("save", &[("name", "a"), ("label", "one")]).await.status, 303);
    let mut first = Builder::open(&visitor, "/rules/a").await;
    let mut second = Builder::open(&visitor, "/rules/a").await;
    assert_eq!(first.press("save", &[("label", "two")]).await.status, 303);
    second.press("add when", &[]).await;
    second.press("remove when.0", &[]).await;
    let stale = second.press("save", &[("label", "three")]).await;
    assert_eq!(stale.status, 412);
    assert!(
        stale.text.contains("<ins>label: three</ins>") && stale.text.contains("<del>label: two</del>"),
        "{}",
        stale.text
    );
    assert_eq!(kept(&visitor)[0].1["label"], "two");
    assert_eq!(second.press("save", &[]).await.status, 303);
    assert_eq!(kept(&visitor)[0].1["label"], "three");

    // The same for removing, and for what is gone meanwhile.
    let mut second = Builder::open(&visitor, "/rules/a").await;
    let mut third = Builder::open(&visitor, "/rules/a").await;
    assert_eq!(second.press("save", &[("label", "four")]).await.status, 303);
    let kept_it = third.press("delete", &[]).await;
    assert!(kept_it.status == 412 && kept_it.text.contains("so it was not removed"), "{}", kept_it.text);
    assert_eq!(third.press("delete", &[]).await.status, 303);
    assert!(kept(&visitor).is_empty());
    let gone = visitor.post("/rules/a", &[("do", "save"), ("name", "a"), ("label", "five"), ("enabled", "true")]).await;
    assert!(gone.status == 404 && gone.text.contains("value=\"five\"") && gone.text.contains("save it as a new rule"));
    assert_eq!(visitor.get("/rules/a").await.status, 404);
}

#[tokio::test]
async fn everything_that_a_rule_would_do_is_seen_page_by_page_and_the_draft_stays() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 120, "Salt Ledger 1");
    // By title the first, but it goes there anyway, and so comes behind what would change.
    visitor.write(|db| {
        let ana = db.upsert_user(&UserUuid::parse("5be07c1d2a94f036").unwrap(), "ana", "Ana", Relation::Owner, 1)?;
        let title = db.upsert_listed_title(&ListedTitle {
            plex_id: PlexId::parse("aaaaaaaaaaaaaaaaaaaaaaaa").unwrap(),
            media_type: MediaType::Movie,
            title: "A Laura".to_owned(),
            year: Some(1944),
            ids: Some(ExternalIds { tmdb: Some(TmdbId(1944)), ..ExternalIds::default() }),
            poster_url: None,
        })?;
        db.open_entry(ana, title, 1_000)
    });
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    builder.press("route", &[]).await;
    let listed = |page: &str| {
        let links = page.split("/watchlist/").skip(1);
        links.map(|rest| rest[..rest.find('"').unwrap()].parse().unwrap()).collect::<Vec<i64>>()
    };
    let first = builder.press("preview", &[("route.0.to", "uhd"), ("label", "keeps")]).await.text.clone();
    assert!(first.contains("1 to 50 of 121") && first.contains("value=\"preview 2\""), "{}", first);
    let mut all = listed(&first);
    assert_eq!(all.len(), 50);
    assert!(!first.contains(">Before<"));
    let second = builder.press("preview 2", &[]).await.text.clone();
    all.extend(listed(&second));
    assert!(second.contains("51 to 100 of 121") && second.contains(">Before<"), "{}", second);
    let last = builder.press("preview 3", &[]).await.text.clone();
    all.extend(listed(&last));
    assert!(last.contains("101 to 121 of 121") && !last.contains(">More<"), "{}", last);
    assert!(last.contains("value=\"keeps\"") && last.contains("Matches 121 of 121 entries."));
    assert!(last.contains("A Laura") && !first.contains("A Laura"), "{}", last);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 121, "each is told once");
    let draft = [("enabled", "true"), ("route.0.to", "uhd"), ("do", "preview 9")];
    let beyond = visitor.post("/rules/new", &draft).await;
    assert!(beyond.text.contains("101 to 121 of 121"), "{}", beyond.text);
    assert!(kept(&visitor).is_empty());
    // What the settings file declares, too.
    let declared = visitor.post("/rules/old%20films", &[("do", "preview 2")]).await;
    assert!(declared.status == 200 && declared.text.contains("Matches 1 of 121 entries."), "{}", declared.text);
}

#[tokio::test]
async fn what_a_rule_would_do_is_counted_and_listed() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 25, "<b>Bold</b> \u{202e}\u{1f600}");
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    assert!(builder.shown.text.contains("Preview shows which titles"));
    builder.press("add when", &[]).await;
    builder.press("redraw", &[("when.0.field", "year")]).await;
    let none = builder.press("preview", &[("when.0.value", "1999")]).await;
    assert!(none.status == 200 && none.text.contains("Matches 0 of 25 entries."), "{}", none.text);
    let all = builder.press("preview", &[("when.0.value", "2025")]).await;
    assert!(
        all.text.contains("Matches 25 of 25 entries.") && all.text.contains("Nothing would change"),
        "{}",
        all.text
    );
    assert!(all.text.contains("1 of 2 tests of the rules fail"), "{}", all.text);
    builder.press("route", &[]).await;
    let sent = builder.press("preview", &[("route.0.to", "uhd")]).await;
    let elsewhere = "<dt>25</dt><dd>would be added elsewhere or otherwise</dd>";
    assert!(sent.text.contains(elsewhere) && sent.text.contains("movies → <b>uhd</b>"), "{}", sent.text);
    assert_eq!(sent.text.matches("/watchlist/").count(), 25, "{}", sent.text);
    assert!(sent.text.contains("<bdi>ana &#60;i&#62;\u{202e}</bdi>"), "{}", sent.text);
    assert!(
        sent.text.contains("<bdi class=\"clamp\">&#60;b&#62;Bold") && !sent.text.contains("<b>Bold"),
        "{}",
        sent.text
    );
    let held = builder.press("preview", &[("require_approval", "true")]).await;
    assert!(held.text.contains("<dt>25</dt><dd>would be held</dd>"), "{}", held.text);
    let mut out = Builder::open(&visitor, "/rules/new").await;
    let off = out.press("preview", &[("exclude", "true"), ("enabled", "")]).await;
    assert!(off.text.contains("<dt>25</dt><dd>would be excluded</dd>"), "{}", off.text);
    let offered = out.press("add when", &[]).await.text.contains("<datalist");
    assert!(!offered, "nobody is looked at");
    let offered = out.press("redraw", &[("when.0.field", "user")]).await;
    assert!(offered.text.contains("<option value=\"ana &#60;i&#62;\u{202e}\">"), "{}", offered.text);
    let unclear = builder.press("preview", &[("when.0.value", "soon")]).await;
    assert!(unclear.status == 200 && unclear.text.contains("It cannot be told yet"), "{}", unclear.text);
    assert!(kept(&visitor).is_empty());
}

#[tokio::test]
async fn what_nobody_has_told_yet_is_said_and_what_can_be_done() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 3, "Salt Ledger 1");
    let mut builder = Builder::open(&visitor, "/rules/new").await;
    builder.press("text", &[]).await;
    let western = "name: westerns\nwhen: {genre: {contains: Western}}\nroute: uhd\n";
    let page = builder.press("preview", &[("text", western)]).await.text.clone();
    for told in ["Matches 0 of 3 entries.", "<b>genre</b> is not known yet of 3 titles", "the next run asks Plex about"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    let owned = "name: owned\nwhen: {all: [{in_plex: true}, {year: {'>': 2000}}]}\nexclude: true\n";
    let page = builder.press("preview", &[("text", owned)]).await.text.clone();
    assert!(page.contains("<b>already in Plex</b> is not known yet of 3 titles"), "{page}");
    assert!(page.contains("href=\"/settings/plex\">Set it up"), "{page}");
    let known = "name: new\nwhen: {year: {'>': 2000}}\nroute: uhd\n";
    let page = builder.press("preview", &[("text", known)]).await.text.clone();
    assert!(page.contains("Matches 3 of 3 entries.") && !page.contains("not known yet"), "{page}");
}

#[tokio::test]
async fn hostile_names_are_text_wherever_they_stand() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let name = "\"><script>alert(1)</script>/%2F?#\u{202e}\u{1f600} a b";
    let fields = [("do", "save"), ("enabled", "true"), ("name", name), ("label", "<img src=x onerror=alert(1)>")];
    assert_eq!(visitor.post("/rules/new", &fields).await.status, 303);
    let list = visitor.get("/rules").await.text;
    assert!(
        list.contains("&#60;script&#62;alert(1)") && !list.contains("<script>alert") && !list.contains("<img src=x")
    );
    let rest = list.split_once("<b><a href=\"/rules/%22").unwrap().1;
    let path = format!("/rules/%22{}", &rest[..rest.find('"').unwrap()]);
    let mut page = Builder::open(&visitor, &path).await;
    assert!(
        !page.shown.text.contains("<script>alert") && !page.shown.text.contains("<img src=x"),
        "{}",
        page.shown.text
    );
    assert_eq!(page.value("name"), [name]);
    let text = page.press("text", &[]).await;
    assert!(!text.text.contains("<script>alert"), "{}", text.text);
    let back = page.press("builder", &[]).await;
    assert!(back.status == 200 && page.value("name") == [name]);
    assert_eq!(page.press("delete", &[]).await.status, 303);
    assert!(kept(&visitor).is_empty());
    let huge = "é".repeat(10_000);
    let refused = visitor.post("/rules/new", &[("do", "save"), ("name", &huge), ("label", &huge)]).await;
    assert!(refused.status == 422 && refused.text.contains("has 10000 characters"));
    let attribute = visitor.post("/rules/new", &[("do", "add when\"><script>")]).await;
    assert!(attribute.text.contains("is not there any more") && !attribute.text.contains("><script>"));
}

#[tokio::test]
async fn limits_are_said_and_large_rules_are_edited_as_text() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let many: Vec<(String, String)> =
        (0..100).map(|number| (format!("when.{number}.field"), "genre".to_owned())).collect();
    let mut fields: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("do", "add when"));
    let full = visitor.post("/rules/new", &fields).await;
    assert!(full.status == 200 && full.text.contains("The builder takes 100 conditions"), "{}", full.status);
    fields.push(("when.100.field", "genre"));
    let more = visitor.post("/rules/new", &fields).await;
    assert!(more.status == 400 && more.text.contains("larger than the builder goes"), "{}", more.text);
    let list: String = (0..150).map(|year| format!("  - year: {}\n", 1900 + year)).collect();
    let text = format!("name: long\nwhen:\n  any:\n{list}label: x\n");
    assert_eq!(visitor.post("/rules/new", &[("do", "save"), ("text", &text)]).await.status, 303);
    let page = visitor.get("/rules/long").await.text;
    assert!(page.contains("larger than the builder goes") && page.contains("<textarea"), "{page}");
    let nested = format!("name: deep\nlabel: x\nwhen: {}{{year: 1}}{}\n", "{any: [".repeat(25), "]}".repeat(25));
    let deep = visitor.post("/rules/new", &[("do", "save"), ("text", &nested)]).await;
    assert!(deep.status == 422 && deep.text.contains("deeper"), "{}", deep.text);
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first() {
    let visitor = Visitor::set_up(SETTINGS).await.signed_out();
    for (path, next) in
        [("/rules", "/rules"), ("/rules/new", "/rules/new"), ("/rules/old%20films", "/rules/old%2520films")]
    {
        let led = visitor.get(path).await;
        assert_eq!((led.status, led.header("location")), (303, &*format!("/login?next={next}")), "{path}");
    }
    assert_eq!(visitor.post("/rules", &[("do", "up - a")]).await.status, 303);
    let nobody = Visitor::set_up("").await;
    let empty = nobody.get("/rules").await.text;
    assert!(empty.contains("No rules yet") && empty.contains("/rules/new"), "{empty}");
    assert!(nobody.get("/rules/new").await.text.contains("/instances/new"));
}
