//! A reader for the GraphQL documents clients send: one operation, its selections, arguments, fragments.
//!
//! Owns: turning text into a tree, with names and positions. Refuses: types and meaning (`graphql` has the schema), and directives.
//! A variable's default is read past, not applied.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// One requested field, with inline fragments and spreads still in place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selection {
    Field {
        alias: String,
        name: String,
        arguments: Map<String, Value>,
        children: Vec<Selection>,
    },
    /// `... on User { }`; the type name.
    Fragment {
        on: String,
        children: Vec<Selection>,
    },
}

/// The operation of a document, with variables already put in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) mutation: bool,
    pub(crate) selections: Vec<Selection>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Punctuation(char),
    Spread,
    Text(String),
    Number(i64),
    Variable(String),
}

/// # Errors
/// A sentence about what is wrong with the document or with its variables.
pub(crate) fn parse(document: &str, variables: &Map<String, Value>) -> Result<Operation, String> {
    let tokens = tokens(document)?;
    let mut reader = Reader { tokens: &tokens, at: 0, variables, fragments: HashMap::new() };
    reader.collect_fragments()?;
    reader.at = 0;
    reader.operation()
}

fn tokens(document: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut letters = document.chars().peekable();
    let take = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>, first: Option<char>| {
        let mut word: String = first.into_iter().collect();
        while let Some(letter) = letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
            word.push(letter);
        }
        word
    };
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter.is_whitespace() || letter == ',' => {}
            '#' => while letters.next_if(|letter| *letter != '\n').is_some() {},
            '.' => {
                letters.next();
                letters.next();
                out.push(Token::Spread);
            }
            '$' => out.push(Token::Variable(take(&mut letters, None))),
            '"' => {
                let mut text = String::new();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => text.extend(letters.next()),
                        Some(letter) => text.push(letter),
                        None => return Err("Syntax Error: Unterminated string.".to_owned()),
                    }
                }
                out.push(Token::Text(text));
            }
            '-' | '0'..='9' => {
                let word = take(&mut letters, Some(letter));
                out.push(Token::Number(word.parse().map_err(|_| format!("Syntax Error: Invalid number \"{word}\"."))?));
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                out.push(Token::Name(take(&mut letters, Some(letter))))
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '=' => out.push(Token::Punctuation(letter)),
            other => return Err(format!("Syntax Error: Unexpected character \"{other}\".")),
        }
    }
    Ok(out)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    variables: &'a Map<String, Value>,
    fragments: HashMap<String, Selection>,
}

impl Reader<'_> {
    /// Named fragments come first, wherever they stand in the document.
    fn collect_fragments(&mut self) -> Result<(), String> {
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Punctuation('{') => depth += 1,
                Token::Punctuation('}') => depth -= 1,
                Token::Name(word) if word == "fragment" && depth == 0 => {
                    let name = self.name()?;
                    self.name()?;
                    let on = self.name()?;
                    let children = self.selections()?;
                    self.fragments.insert(name, Selection::Fragment { on, children });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn operation(&mut self) -> Result<Operation, String> {
        while let Some(Token::Name(word)) = self.peek() {
            if word != "fragment" {
                break;
            }
            self.skip_to_brace();
            self.selections()?;
        }
        let mutation = match self.peek() {
            Some(Token::Name(word)) if word == "query" => false,
            Some(Token::Name(word)) if word == "mutation" => true,
            Some(Token::Punctuation('{')) => return Ok(Operation { mutation: false, selections: self.selections()? }),
            _ => return Err("Syntax Error: Expected an operation.".to_owned()),
        };
        self.at += 1;
        if matches!(self.peek(), Some(Token::Name(_))) {
            self.at += 1;
        }
        self.require_variables()?;
        Ok(Operation { mutation, selections: self.selections()? })
    }

    /// `($user: UserInput!, $after: String)`: what ends in `!` has to be among the variables, and not null.
    fn require_variables(&mut self) -> Result<(), String> {
        if !self.skip('(') {
            return Ok(());
        }
        while let Some(Token::Variable(variable)) = self.peek().cloned() {
            self.at += 1;
            self.expect(':')?;
            while matches!(self.peek(), Some(Token::Name(_) | Token::Punctuation('[' | ']'))) {
                self.at += 1;
            }
            let required = self.skip('!');
            let has_default = self.skip('=');
            if has_default {
                // Clients that give a default also send the variable; its value is only read past.
                self.value()?;
            }
            if required && !has_default && self.variables.get(&variable).is_none_or(Value::is_null) {
                return Err(format!("Variable \"${variable}\" of required type was not provided."));
            }
        }
        self.expect(')')
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.expect('{')?;
        let mut out = Vec::new();
        while !self.skip('}') {
            out.push(self.selection()?);
        }
        if out.is_empty() { Err("Syntax Error: Expected Name, found \"}\".".to_owned()) } else { Ok(out) }
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if matches!(self.peek(), Some(Token::Spread)) {
            self.at += 1;
            let word = self.name()?;
            if word == "on" {
                let on = self.name()?;
                return Ok(Selection::Fragment { on, children: self.selections()? });
            }
            return self.fragments.get(&word).cloned().ok_or_else(|| format!("Unknown fragment \"{word}\"."));
        }
        let first = self.name()?;
        let (alias, name) = if self.skip(':') { (first, self.name()?) } else { (first.clone(), first) };
        let mut arguments = Map::new();
        if self.skip('(') {
            while !self.skip(')') {
                let argument = self.name()?;
                self.expect(':')?;
                arguments.insert(argument, self.value()?);
            }
        }
        let children = match self.peek() {
            Some(Token::Punctuation('{')) => self.selections()?,
            _ => Vec::new(),
        };
        Ok(Selection::Field { alias, name, arguments, children })
    }

    fn value(&mut self) -> Result<Value, String> {
        let token = self.peek().cloned().ok_or("Syntax Error: Unexpected <EOF>.")?;
        self.at += 1;
        match token {
            Token::Variable(name) => Ok(self.variables.get(&name).cloned().unwrap_or(Value::Null)),
            Token::Text(text) => Ok(text.into()),
            Token::Number(number) => Ok(number.into()),
            Token::Name(word) => Ok(match word.as_str() {
                "null" => Value::Null,
                "true" => true.into(),
                "false" => false.into(),
                _ => word.into(),
            }),
            Token::Punctuation('{') => {
                let mut object = Map::new();
                while !self.skip('}') {
                    let name = self.name()?;
                    self.expect(':')?;
                    object.insert(name, self.value()?);
                }
                Ok(Value::Object(object))
            }
            other => Err(format!("Syntax Error: Unexpected {other:?}.")),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn name(&mut self) -> Result<String, String> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name)
            }
            other => Err(format!("Syntax Error: Expected Name, found {other:?}.")),
        }
    }

    fn skip(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(&Token::Punctuation(wanted));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.skip(wanted) {
            return Ok(());
        }
        Err(format!("Syntax Error: Expected \"{wanted}\", found {:?}.", self.peek()))
    }

    fn skip_to_brace(&mut self) {
        while self.peek().is_some_and(|token| *token != Token::Punctuation('{')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_aliases_fragments_and_objects_are_read() {
        let text = r#"query Q($user: UserInput!, $after: String) { mine: userV2(user: $user) { ...W } }
            fragment W on User { watchlist(first: 2, after: $after) { nodes { id } } }"#;
        let variables = json!({ "user": { "id": "aa" }, "after": null });
        let operation = parse(text, variables.as_object().unwrap()).unwrap();
        let Selection::Field { alias, name, arguments, children } = &operation.selections[0] else { panic!("a field") };
        assert_eq!((alias.as_str(), name.as_str()), ("mine", "userV2"));
        assert_eq!(arguments["user"], json!({ "id": "aa" }));
        assert!(matches!(&children[0], Selection::Fragment { on, children } if on == "User" && children.len() == 1));
    }

    #[test]
    fn a_missing_required_variable_is_an_error() {
        let missing = parse("query Q($user: UserInput!) { userV2(user: $user) { id } }", &Map::new());
        assert!(missing.unwrap_err().contains("$user"));
    }

    #[test]
    fn unbalanced_braces_are_a_syntax_error() {
        assert!(parse("{ allFriendsV2 { user { id } }", &Map::new()).unwrap_err().starts_with("Syntax Error"));
    }
}
