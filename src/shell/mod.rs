//! Shell text into commands with places, certainty and variables. Knows shell, not docker.
