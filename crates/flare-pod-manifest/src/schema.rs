//! JSON Schemas of what a launch reads, for editors and other tools. Written by hand: the readers keep places and give
//! better messages than types could, and a test holds readers and schemas together.
