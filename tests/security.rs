<<<<<<< main
//! The promises of docs/security.md, each tried from outside.

mod approvals;
mod gates;
mod links;
=======
//! The promises of docs/security.md that need the whole service.

mod forms;
mod headers;
mod limits;
mod reading;
mod routes;
mod sessions;
mod sign_in;
mod statuses;
>>>>>>> f981fdf642628f010995d5080939804d8ab19c18
