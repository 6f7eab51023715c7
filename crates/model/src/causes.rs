//! An error told with everything that led to it.

use std::error::Error;
use std::fmt;

/// Shows an error followed by its causes, each once: a cause that the text before names already is left out.
pub struct Causes<'e>(pub &'e (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(at) = cause {
            let said = at.to_string();
            if !text.contains(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = at.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Step(&'static str, Option<Box<Step>>);

    impl fmt::Display for Step {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Step {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|step| step as _)
        }
    }

    #[test]
    fn causes_follow_and_none_is_told_twice() {
        let disk = Step("the disk is full", None);
        let wrapped = Step("writing `a`: the disk is full", Some(Box::new(disk)));
        let error = Step("saving", Some(Box::new(wrapped)));
        assert_eq!(
            Causes(&error).to_string(),
            "saving: writing `a`: the disk is full"
        );
    }
}
