//! Holds no code: the tests of the C interface lie beside it, in `tests`.
