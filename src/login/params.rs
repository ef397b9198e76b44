//! Parameters of queries and forms, each of which may come only once (R20).

use std::borrow::Cow;

use super::answer::Error;

/// The value of the parameter `name` in an `application/x-www-form-urlencoded` text; absent and empty differ.
pub(super) fn single<'a>(encoded: &'a [u8], name: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let mut values = form_urlencoded::parse(encoded).filter_map(|(found, value)| (found == name).then_some(value));
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Error::RepeatedParameter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r20_a_parameter_is_single_however_it_is_spelt() {
        let code = |query: &str| single(query.as_bytes(), "code").map(|value| value.map(Cow::into_owned));
        assert_eq!(code("code=a%2B&state=b").expect("single"), Some("a+".to_owned()));
        assert_eq!(code("code=&state=b").expect("single"), Some(String::new()));
        assert_eq!(code("state=b").expect("absent"), None);
        assert_eq!(code("CODE=a").expect("absent"), None);
        for repeated in ["code=a&code=a", "code=a&%63ode=b", "code&code", "code=a&x=1&c%6Fde="] {
            assert!(matches!(code(repeated), Err(Error::RepeatedParameter)), "{repeated}");
        }
    }

    #[test]
    fn r15_any_bytes_are_parameters() {
        for odd in [&b"\xff\xfe=%ff&%=&&=&code=%zz%"[..], b"code=\x00\x80", b"====", b"&&&&"] {
            assert!(single(odd, "code").is_ok());
        }
    }
}
