//! Command lines of container tools into typed operations. Knows their flags, not GitLab.
