//! Titles that are tried, and kept as tests.

use super::*;

#[tokio::test]
async fn a_title_is_tried_and_kept_as_a_test_that_fails_when_the_rules_change() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 2, "<b>Bold</b>");
    assert!(visitor.get("/rules").await.text.contains("href=\"/rules/try\""));
    let laura = [("title", "<b>Laura"), ("type", "movie"), ("year", "1944"), ("genre", "\"Noir, black\", Crime")];
    let tried = visitor.post("/rules/try", &[&laura[..], &[("do", "try")]].concat()).await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    for said in [
        "<bdi>uhd</bdi>",
        "<bdi>old films</bdi>",
        "value=\"&#34;Noir, black&#34;, Crime\"",
        "Keep as a test",
        "&#60;b&#62;Laura",
    ] {
        assert!(tried.text.contains(said), "{said}: {}", tried.text);
    }
    assert!(kept(&visitor).is_empty());
    // Every mistake stands at its field, and nothing is kept.
    let wrong = [("title", "x"), ("type", "movie"), ("year", "soon"), ("season_count", "3"), ("anime", "true")];
    let refused = visitor.post("/rules/try", &[&wrong[..], &[("do", "keep"), ("name", "")]].concat()).await;
    assert_eq!(refused.status, 422);
    for said in [
        "id=\"year-error\"",
        "id=\"season_count-error\"",
        "id=\"name-error\"",
        "value=\"soon\"",
        "<details class=\"more\" open>",
    ] {
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert!(kept(&visitor).is_empty());
    // What was seen is kept, and nothing else.
    let expected = tried.text.split("name=\"expected\" value=\"").nth(1).unwrap();
    let expected = unescaped(&expected[..expected.find('"').unwrap()]);
    assert!(tried.text.contains("it goes to uhd"), "{}", tried.text);
    let keep = [("do", "keep"), ("name", "old <i>"), ("expected", &*expected)];
    let newer = [("title", "<b>Laura"), ("type", "movie"), ("year", "1974")];
    let other = visitor.post("/rules/try", &[&newer[..], &keep].concat()).await;
    assert!(other.status == 409 && other.text.contains("not what you have seen"), "{}", other.text);
    assert!(other.text.contains("it goes to movies") && kept(&visitor).is_empty(), "{}", other.text);
    let saved = visitor.post("/rules/try", &[&laura[..], &keep].concat()).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/rules/tests"), "{}", saved.text);
    let body = json!({
        "name": "old <i>", "expect": serde_json::from_str::<Value>(&expected).unwrap(),
        "given": {"title": "<b>Laura", "type": "movie", "year": 1944, "genre": ["Noir, black", "Crime"]},
    });
    assert_eq!(kept(&visitor), [("old <i>".to_owned(), body)]);
    let unseen = visitor.post("/rules/try", &[&laura[..], &[("do", "keep"), ("name", "another")]].concat()).await;
    assert!(unseen.status == 409 && unseen.text.contains("What becomes of it") && kept(&visitor).len() == 1);
    let again = [("do", "keep"), ("name", "OLD <i>"), ("expected", &*expected)];
    let twice = visitor.post("/rules/try", &[&laura[..], &again].concat()).await;
    assert!(twice.status == 422 && twice.text.contains("a test of this name already"), "{}", twice.text);
    assert!(twice.text.contains("What becomes of it"), "what could be seen stays: {}", twice.text);
    // What the settings file declares is told as such, and has no button. What fails comes first.
    assert!(visitor.get("/rules").await.text.contains("1 of 3 fail"));
    let list = visitor.get("/rules/tests").await.text;
    assert!(list.contains("old &#60;i&#62;") && list.contains("1 of 3 fail"), "{list}");
    assert!(list.find("Heat is old").unwrap() < list.find("Laura is old").unwrap(), "{list}");
    assert_eq!(list.matches("value=\"remove ").count(), 1, "{list}");
    assert!(list.contains("pulsarr.yaml:9<") && list.contains("pulsarr.yaml:10<"), "{list}");
    let ran = visitor.post("/rules/tests", &[("do", "judge")]).await;
    assert_eq!((ran.status, ran.header("location")), (303, "/rules/tests"));
    // It is tried as it is described, to see what every rule says.
    let again = visitor.get("/rules/try?test=old%20%3Ci%3E").await;
    for said in ["value=\"&#34;Noir, black&#34;, Crime\"", "&#60;b&#62;Laura", "<bdi>old films</bdi>"] {
        assert!(again.text.contains(said), "{said}: {}", again.text);
    }
    assert_eq!(visitor.get("/rules/try?test=nobody").await.status, 404);
    // The rule that takes its place makes it fail: that is said before and after.
    let noir = [("name", "noir"), ("priority", "9"), ("enabled", "true"), ("exclude", "true")];
    let looked = visitor.post("/rules/new", &[&noir[..], &[("do", "preview")]].concat()).await;
    assert!(looked.text.contains("3 of 3 tests of the rules fail"), "{}", looked.text);
    assert_eq!(visitor.post("/rules/new", &[&noir[..], &[("do", "save")]].concat()).await.status, 303);
    let list = visitor.get("/rules/tests").await.text;
    assert!(list.contains("3 of 3 fail") && list.contains("expected route uhd, got nowhere"), "{list}");
    let button = list.split("value=\"remove ").nth(1).unwrap();
    let button = format!("remove {}", unescaped(&button[..button.find('"').unwrap()]));
    let stale = visitor.post("/rules/tests", &[("do", "remove 1 old <i>")]).await;
    assert!(stale.status == 412 && kept(&visitor).len() == 2, "{}", stale.text);
    assert_eq!(visitor.post("/rules/tests", &[("do", &button)]).await.status, 303);
    assert_eq!(kept(&visitor).len(), 1);
}

#[tokio::test]
async fn many_tests_are_shown_a_page_at_a_time_and_few_of_those_that_fail_in_a_preview() {
    let tests: String = (0..60)
        .map(|number| {
            format!(
                "- {{name: t{number}, given: {{type: movie, year: 1944}}, expect: {{route: {}}}}}\n",
                ["uhd", "movies"][usize::from(number == 59)]
            )
        })
        .collect();
    let visitor = Visitor::set_up(&format!("{SETTINGS}{tests}")).await;
    let first = visitor.get("/rules/tests").await.text;
    assert_eq!(first.matches("<tr>").count(), 26, "{first}");
    assert!(first.contains(">t59<") && first.contains("2 of 62 fail") && first.contains("page 1 of 3"), "{first}");
    let last = visitor.get("/rules/tests?page=9").await.text;
    assert!(last.contains("page 3 of 3") && last.matches("<tr>").count() == 13, "{last}");
    let all = [("name", "none"), ("priority", "9"), ("enabled", "true"), ("exclude", "true")];
    let looked = visitor.post("/rules/new", &[&all[..], &[("do", "preview")]].concat()).await.text;
    assert!(looked.contains("62 of 62 tests of the rules fail") && looked.contains("and 52 more"), "{looked}");
}

#[tokio::test]
async fn a_title_of_the_watchlists_fills_the_description_in() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 25, "<b>Bold</b>");
    let found = visitor.post("/rules/try", &[("do", "find"), ("title", "bold"), ("type", "movie")]).await;
    assert!(found.status == 200 && found.text.contains("value=\"fill 1\""), "{}", found.text);
    assert_eq!(found.text.matches("value=\"fill ").count(), 1, "{}", found.text);
    assert!(!found.text.contains("There are more"), "{}", found.text);
    let many = visitor.post("/rules/try", &[("do", "find"), ("title", "ledger")]).await;
    assert_eq!(many.text.matches("value=\"fill ").count(), 20);
    assert!(many.text.contains("There are more"), "{}", many.text);
    let nothing = visitor.post("/rules/try", &[("do", "find"), ("title", " ")]).await;
    assert!(nothing.status == 422 && nothing.text.contains("a part of the title first"), "{}", nothing.text);
    let filled = visitor.post("/rules/try", &[("do", "fill 1")]).await;
    for said in ["value=\"&#60;b&#62;Bold", "name=\"year\" value=\"2025\"", "What becomes of it", "<bdi>movies</bdi>"] {
        assert!(filled.text.contains(said), "{said}: {}", filled.text);
    }
    assert_eq!(visitor.post("/rules/try", &[("do", "fill 999")]).await.status, 404);
}
