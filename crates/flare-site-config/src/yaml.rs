//! Strict YAML as a tree of positioned nodes.
