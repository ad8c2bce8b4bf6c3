//! The pages in a real Chromium, over the whole service: what no reader of HTML can
//! tell. It needs `chromium`, `chromedriver` and axe-core, which `make setup` installs.

mod driver;
mod links;
mod pages;
mod screenshots;
mod town;
mod watchers;
mod way;
