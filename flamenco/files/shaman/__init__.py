"""The store of the files that clients hand in, each content once, and the folders of jobs that are made of them."""
