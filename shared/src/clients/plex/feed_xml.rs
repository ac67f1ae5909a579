//! A feed as RSS 2.0. Just enough XML for what Plex writes: elements with text, entities and CDATA. What is cut short is no feed.

use super::feed_item::FeedItem;

/// The items of a feed; none when the text is not a whole one.
pub(super) fn items(text: &str) -> Option<Vec<FeedItem>> {
    if !text.contains("<rss") || !text.trim_end().ends_with("</rss>") {
        return None;
    }
    let text = without_cdata(text);
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((item, after)) = element(rest, "item") {
        rest = after;
        let text = |name| element(item, name).map(|(inner, _)| plain(inner));
        let (title, author, category, date) = (text("title"), text("author"), text("category"), text("pubDate"));
        let guids = std::iter::successors(element(item, "guid"), |(_, after)| element(after, "guid"));
        let guids: Vec<String> = guids.map(|(inner, _)| plain(inner)).collect();
        found.extend(FeedItem::of(
            &title.unwrap_or_default(),
            author.as_deref(),
            category.as_deref(),
            date.as_deref(),
            guids.iter().map(String::as_str),
        ));
    }
    Some(found)
}

/// What is inside the first element called `name`, and what follows it. An element without content has none.
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(&open)? + open.len();
        from = at;
        let rest = text.get(at..)?;
        // `<item>` and `<item a="b">`, and not `<items>`.
        if !rest.starts_with(['>', ' ', '\t', '\r', '\n', '/']) {
            continue;
        }
        let (attributes, inner) = rest.split_once('>')?;
        if attributes.ends_with('/') {
            return Some(("", inner));
        }
        return inner.split_once(close.as_str());
    }
}

/// The same document with entities for CDATA, in which anything may look like an element.
fn without_cdata(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<![CDATA[") {
        out.push_str(before);
        let (verbatim, after) = after.split_once("]]>").unwrap_or((after, ""));
        out.push_str(&verbatim.replace('&', "&amp;").replace('<', "&lt;"));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text of an element, entities resolved.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        match known {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.trim().to_owned()
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MediaType;

    #[test]
    fn an_item_is_read_with_entities_cdata_and_attributes() {
        let text = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Feed</title><item a=\"b\">\
                    <description><![CDATA[a <guid>not this</guid></item>]]></description>\
                    <title>Salt &amp; Tide &#x2014; &#39;1&#39; (2025)</title><guid isPermaLink=\"false\">imdb://tt90000002</guid><category>show</category>\
                    <author>5be07c1d2a94f036</author><pubDate>Tue, 04 Nov 2025 09:26:17 GMT</pubDate></item>\
                    <item><title><![CDATA[R&B &lt;]]></title></item></channel></rss>\n";
        let items = items(text).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].title, "Salt & Tide — '1' (2025)");
        assert_eq!(items[0].guids, ["imdb://tt90000002"]);
        assert_eq!((items[0].media_type, items[0].pub_date_ms), (Some(MediaType::Show), Some(1_762_248_377_000)));
        assert_eq!((items[1].title.as_str(), items[1].guids.len()), ("R&B &lt;", 0));
    }

    #[test]
    fn an_empty_feed_is_empty_and_a_cut_one_is_none() {
        assert_eq!(items("<rss><channel><title>x</title></channel></rss>"), Some(Vec::new()));
        assert_eq!(items("<rss><channel><item><title>x</title></item>"), None);
        assert_eq!(items("<Error error=\"Not Found\"/>"), None);
    }
}
