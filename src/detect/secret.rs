//! Names of variables into whether their values are secrets. Knows names alone.

/// Whether a variable or build argument called `name` holds a secret, by the words of its name.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    if is_public_name(name) {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').filter(|word| !word.is_empty()).collect();
    let pair = |first: &str, second: &str| words.windows(2).any(|two| two == [first, second]);
    let last = words.last().copied().unwrap_or_default();
    let word = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "TOKEN", "CREDENTIALS", "APIKEY"];
    words.iter().any(|part| word.contains(part))
        || (["PASS", "PAT", "PWD"].contains(&last) && words.len() > 1)
        || [("API", "KEY"), ("PRIVATE", "KEY"), ("ACCESS", "KEY"), ("SSH", "KEY"), ("AUTH", "KEY"), ("LICENSE", "KEY")]
            .iter()
            .any(|(first, second)| pair(first, second))
}

/// Whether the name says that the value may be seen, or that it only points to a secret.
#[must_use]
pub fn is_public_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').filter(|word| !word.is_empty()).collect();
    let heads = ["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_", "GATSBY_", "EXPO_PUBLIC_", "VUE_APP_", "PUBLIC_", "BUILDKIT_"];
    let points = [
        "NAME", "FILE", "PATH", "ID", "URL", "URI", "TTL", "TYPE", "LENGTH", "EXPIRY", "DIR", "HOST", "USER", "USERNAME", "VERSION",
        "ENABLED",
    ];
    // `AWS_ACCESS_KEY_ID` is no secret by itself, but nobody hands it out alone.
    let key_id = upper.ends_with("ACCESS_KEY_ID");
    heads.iter().any(|head| upper.starts_with(head))
        || words.iter().any(|word| ["PUBLIC", "PUBLISHABLE"].contains(word))
        || (words.last().is_some_and(|last| points.contains(last)) && !key_id)
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn a_secret_is_told_by_the_words_of_its_name() {
        for secret in
            ["NPM_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "API_KEY", "GITHUB_PAT", "SSH_PRIVATE_KEY", "token", "POSTGRES_PASS"]
        {
            assert!(is_secret_name(secret), "{secret}");
        }
        for public in [
            "TOKENIZERS_PARALLELISM",
            "SECRET_NAME",
            "NPM_TOKEN_FILE",
            "KEYCLOAK_URL",
            "CACHE_KEY",
            "STRIPE_PUBLISHABLE_KEY",
            "SENTRY_PUBLIC_KEY",
            "NEXT_PUBLIC_API_KEY",
            "VITE_API_TOKEN",
            "PASSWORDLESS",
            "COMPASS",
            "PATCH",
            "CI_COMMIT_SHA",
            "PATH",
            "BUILDKIT_INLINE_CACHE",
        ] {
            assert!(!is_secret_name(public), "{public}");
        }
    }
}
