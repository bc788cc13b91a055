//! The query stack of `print`: a stack of booleans that starts as infinitely many `true`;
//! a row stays when no `false` is left on it.

/// A value compared with what the row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    Less,
    Greater,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Has(String),
    HasNot(String),
    Test(String, Compare, Vec<u8>),
    Operations(Vec<u8>),
}

/// The parsed query words of one command.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<Step>);

/// Boolean properties come back as `true`/`false`; operators ask for `yes`/`no` as well.
fn truth_word(value: &[u8]) -> &[u8] {
    match value {
        b"yes" => b"true",
        b"no" => b"false",
        other => other,
    }
}

fn number(bytes: &[u8]) -> Option<i128> {
    core::str::from_utf8(bytes).ok()?.parse().ok()
}

fn test(compare: Compare, have: &[u8], want: &[u8]) -> bool {
    let order = match (number(have), number(want)) {
        (Some(have), Some(want)) => have.cmp(&want),
        _ => have.cmp(want),
    };
    match compare {
        Compare::Equal if matches!(have, b"true" | b"false") => have == truth_word(want),
        Compare::Equal => have == want,
        Compare::Less => order.is_lt(),
        Compare::Greater => order.is_gt(),
    }
}

fn name_and_value(word: &[u8]) -> Option<(String, Option<&[u8]>)> {
    let (name, value) = match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    Some((core::str::from_utf8(name).ok()?.to_owned(), value))
}

fn parse(word: &[u8]) -> Option<Step> {
    let (first, rest) = word.split_first()?;
    let compared = |compare, word| {
        name_and_value(word).map(|(name, value)| Step::Test(name, compare, value.unwrap_or_default().to_vec()))
    };
    match first {
        b'#' => Some(Step::Operations(rest.to_vec())),
        b'-' => name_and_value(rest).map(|(name, _)| Step::HasNot(name)),
        b'=' => compared(Compare::Equal, rest),
        b'<' => compared(Compare::Less, rest),
        b'>' => compared(Compare::Greater, rest),
        _ => match name_and_value(word)? {
            (name, Some(value)) => Some(Step::Test(name, Compare::Equal, value.to_vec())),
            (name, None) => Some(Step::Has(name)),
        },
    }
}

/// Value at `index` counted from the top; below the bottom everything is true.
fn peek(stack: &[bool], index: usize) -> bool {
    stack.len().checked_sub(index + 1).and_then(|at| stack.get(at)).copied().unwrap_or(true)
}

fn operate(stack: &mut Vec<bool>, operations: &[u8]) {
    let mut index: Option<usize> = None;
    for operation in operations {
        if operation.is_ascii_digit() {
            let digit = usize::from(operation - b'0');
            index = Some(index.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            continue;
        }
        let indexed = index.take();
        if let Some(index) = indexed {
            stack.push(peek(stack, index));
        }
        match operation {
            b'!' => {
                let top = stack.pop().unwrap_or(true);
                stack.push(!top);
            }
            b'&' | b'|' => {
                let (a, b) = (stack.pop().unwrap_or(true), stack.pop().unwrap_or(true));
                stack.push(if *operation == b'&' { a && b } else { a || b });
            }
            b'.' if indexed.is_none() => stack.push(peek(stack, 0)),
            _ => {}
        }
    }
    if let Some(index) = index {
        let value = peek(stack, index);
        stack.clear();
        stack.push(value);
    }
}

impl Query {
    /// Reads the query words (without `?`); words that say nothing are passed over.
    pub(super) fn parse(words: &[Vec<u8>]) -> Self {
        Self(words.iter().filter_map(|word| parse(word)).collect())
    }

    /// Whether a row stays. `value` appends a property's value and says whether the row has it.
    pub(super) fn keeps(&self, mut value: impl FnMut(&str, &mut Vec<u8>) -> bool) -> bool {
        let mut stack = Vec::with_capacity(self.0.len());
        let mut have = Vec::new();
        for step in &self.0 {
            have.clear();
            match step {
                Step::Has(name) => stack.push(value(name, &mut have)),
                Step::HasNot(name) => stack.push(!value(name, &mut have)),
                Step::Test(name, compare, want) => {
                    let has = value(name, &mut have);
                    stack.push(has && test(*compare, &have, want));
                }
                Step::Operations(operations) => operate(&mut stack, operations),
            }
        }
        stack.iter().all(|value| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(words: &[&str], row: &[(&str, &str)]) -> bool {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Query::parse(&words).keeps(|name, out| {
            row.iter().find(|(key, _)| *key == name).is_some_and(|(_, value)| {
                out.extend_from_slice(value.as_bytes());
                true
            })
        })
    }

    const ROW: &[(&str, &str)] = &[("type", "ether"), ("mtu", "1500"), ("comment", "x"), ("disabled", "false")];

    #[test]
    fn words_are_joined_by_and() {
        assert!(keeps(&[], ROW));
        assert!(keeps(&["type=ether", "=mtu=1500"], ROW));
        assert!(!keeps(&["type=ether", "mtu=9"], ROW));
        assert!(keeps(&["comment", "-caller-id", ">comment="], ROW));
        assert!(!keeps(&["-comment"], ROW));
    }

    #[test]
    fn numbers_compare_as_numbers_and_flags_in_both_spellings() {
        assert!(keeps(&["<mtu=9000"], ROW));
        assert!(keeps(&[">mtu=200"], ROW));
        assert!(keeps(&["disabled=no"], ROW));
        assert!(!keeps(&["disabled=yes"], ROW));
    }

    #[test]
    fn operations_follow_the_manual() {
        assert!(keeps(&["type=vlan", "type=ether", "#|"], ROW));
        assert!(!keeps(&["type=vlan", "type=ether", "#|!"], ROW));
        assert!(keeps(&["type=vlan", "#!"], ROW));
        // An index at the end of the word replaces everything by that value.
        assert!(keeps(&["type=vlan", "type=ether", "#0"], ROW));
        assert!(!keeps(&["type=vlan", "type=ether", "#1"], ROW));
        // An index before a character pushes a copy, and that character works on it.
        assert!(!keeps(&["type=vlan", "type=ether", "#1|"], ROW));
        assert!(keeps(&["type=vlan", "type=ether", "#0.||"], ROW));
        // Below the bottom everything is true.
        assert!(keeps(&["#|"], ROW) && keeps(&["#7"], ROW));
        // A dot alone doubles the top.
        assert!(!keeps(&["type=vlan", "#.!"], ROW));
    }
}
