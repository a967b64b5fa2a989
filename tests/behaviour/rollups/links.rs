//! What is declared, refused, hidden and built.
