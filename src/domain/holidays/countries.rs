//! The holidays of each country, by the law of the whole country.

use jiff::civil::Weekday::{Monday, Saturday, Thursday};

use super::Moved::{NextWorkday, SundayToSaturday, ToNearestWorkday};
use super::Rule::{self, Easter, Fixed, FromOn, Nth};
use super::{Country, Holiday, on};

const NEW_YEAR: Holiday = on("New Year's Day", Fixed(1, 1));
const EPIPHANY: Holiday = on("Epiphany", Fixed(1, 6));
const MAUNDY_THURSDAY: Holiday = on("Maundy Thursday", Easter(-3));
const GOOD_FRIDAY: Holiday = on("Good Friday", Easter(-2));
const EASTER_SUNDAY: Holiday = on("Easter Sunday", Easter(0));
const EASTER_MONDAY: Holiday = on("Easter Monday", Easter(1));
const ASCENSION: Holiday = on("Ascension Day", Easter(39));
const WHIT_SUNDAY: Holiday = on("Whit Sunday", Easter(49));
const WHIT_MONDAY: Holiday = on("Whit Monday", Easter(50));
const CORPUS_CHRISTI: Holiday = on("Corpus Christi", Easter(60));
const LABOUR_DAY: Holiday = on("Labour Day", Fixed(5, 1));
const ASSUMPTION: Holiday = on("Assumption Day", Fixed(8, 15));
const ALL_SAINTS: Holiday = on("All Saints' Day", Fixed(11, 1));
const NORDIC_ALL_SAINTS: Holiday = on("All Saints' Day", FromOn(10, 31, Saturday));
const MIDSUMMER: Holiday = on("Midsummer Day", FromOn(6, 20, Saturday));
const ARMISTICE: Holiday = on("Armistice Day", Fixed(11, 11));
const IMMACULATE: Holiday = on("Immaculate Conception", Fixed(12, 8));
const CHRISTMAS_EVE: Holiday = on("Christmas Eve", Fixed(12, 24));
const CHRISTMAS: Holiday = on("Christmas Day", Fixed(12, 25));
const SECOND_CHRISTMAS: Holiday = on("Second Day of Christmas", Fixed(12, 26));

pub(super) const COUNTRIES: &[Country] = &[
    Country {
        code: "AT",
        holidays: &[
            NEW_YEAR,
            EPIPHANY,
            EASTER_MONDAY,
            LABOUR_DAY,
            ASCENSION,
            WHIT_MONDAY,
            CORPUS_CHRISTI,
            ASSUMPTION,
            on("National Day", Fixed(10, 26)),
            ALL_SAINTS,
            IMMACULATE,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "BE",
        holidays: &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR_DAY,
            ASCENSION,
            WHIT_MONDAY,
            on("National Day", Fixed(7, 21)),
            ASSUMPTION,
            ALL_SAINTS,
            ARMISTICE,
            CHRISTMAS,
        ],
    },
    // Federal holidays.
    Country {
        code: "CA",
        holidays: &[
            NEW_YEAR.moved(NextWorkday),
            GOOD_FRIDAY,
            on("Victoria Day", FromOn(5, 18, Monday)),
            on("Canada Day", Fixed(7, 1)).moved(NextWorkday),
            on("Labour Day", Nth(9, Monday, 1)),
            on("Day for Truth and Reconciliation", Fixed(9, 30)).moved(NextWorkday).since(2021),
            on("Thanksgiving", Nth(10, Monday, 2)),
            on("Remembrance Day", Fixed(11, 11)).moved(NextWorkday),
            CHRISTMAS.moved(NextWorkday),
            on("Boxing Day", Fixed(12, 26)).moved(NextWorkday),
        ],
    },
    // What all cantons have.
    Country { code: "CH", holidays: &[NEW_YEAR, ASCENSION, on("National Day", Fixed(8, 1)), CHRISTMAS] },
    Country {
        code: "CZ",
        holidays: &[
            NEW_YEAR,
            GOOD_FRIDAY.since(2016),
            EASTER_MONDAY,
            LABOUR_DAY,
            on("Victory Day", Fixed(5, 8)),
            on("Saints Cyril and Methodius Day", Fixed(7, 5)),
            on("Jan Hus Day", Fixed(7, 6)),
            on("Statehood Day", Fixed(9, 28)),
            on("Independence Day", Fixed(10, 28)),
            on("Freedom and Democracy Day", Fixed(11, 17)),
            CHRISTMAS_EVE,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "DE",
        holidays: &[
            NEW_YEAR,
            GOOD_FRIDAY,
            EASTER_MONDAY,
            LABOUR_DAY,
            ASCENSION,
            WHIT_MONDAY,
            on("Day of German Unity", Fixed(10, 3)),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "DK",
        holidays: &[
            NEW_YEAR,
            MAUNDY_THURSDAY,
            GOOD_FRIDAY,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            on("Great Prayer Day", Easter(26)).until(2023),
            ASCENSION,
            WHIT_SUNDAY,
            WHIT_MONDAY,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "ES",
        holidays: &[
            NEW_YEAR,
            EPIPHANY,
            GOOD_FRIDAY,
            LABOUR_DAY,
            ASSUMPTION,
            on("National Day", Fixed(10, 12)),
            ALL_SAINTS,
            on("Constitution Day", Fixed(12, 6)),
            IMMACULATE,
            CHRISTMAS,
        ],
    },
    Country {
        code: "FI",
        holidays: &[
            NEW_YEAR,
            EPIPHANY,
            GOOD_FRIDAY,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            LABOUR_DAY,
            ASCENSION,
            WHIT_SUNDAY,
            MIDSUMMER,
            NORDIC_ALL_SAINTS,
            on("Independence Day", Fixed(12, 6)),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "FR",
        holidays: &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR_DAY,
            on("Victory Day", Fixed(5, 8)),
            ASCENSION,
            WHIT_MONDAY,
            on("Bastille Day", Fixed(7, 14)),
            ASSUMPTION,
            ALL_SAINTS,
            ARMISTICE,
            CHRISTMAS,
        ],
    },
    // England and Wales.
    Country {
        code: "GB",
        holidays: &[
            NEW_YEAR.moved(NextWorkday),
            GOOD_FRIDAY,
            EASTER_MONDAY,
            on("Early May bank holiday", Nth(5, Monday, 1)),
            on("Spring bank holiday", Nth(5, Monday, -1)),
            on("Summer bank holiday", Nth(8, Monday, -1)),
            CHRISTMAS.moved(NextWorkday),
            on("Boxing Day", Fixed(12, 26)).moved(NextWorkday),
        ],
    },
    Country {
        code: "IE",
        holidays: &[
            NEW_YEAR,
            on("Saint Brigid's Day", Rule::Brigid).since(2023),
            on("Saint Patrick's Day", Fixed(3, 17)),
            EASTER_MONDAY,
            on("May holiday", Nth(5, Monday, 1)),
            on("June holiday", Nth(6, Monday, 1)),
            on("August holiday", Nth(8, Monday, 1)),
            on("October holiday", Nth(10, Monday, -1)),
            CHRISTMAS,
            on("Saint Stephen's Day", Fixed(12, 26)),
        ],
    },
    Country {
        code: "IT",
        holidays: &[
            NEW_YEAR,
            EPIPHANY,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            on("Liberation Day", Fixed(4, 25)),
            LABOUR_DAY,
            on("Republic Day", Fixed(6, 2)),
            ASSUMPTION,
            on("Saint Francis' Day", Fixed(10, 4)).since(2026),
            ALL_SAINTS,
            IMMACULATE,
            CHRISTMAS,
            on("Saint Stephen's Day", Fixed(12, 26)),
        ],
    },
    Country {
        code: "LU",
        holidays: &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR_DAY,
            on("Europe Day", Fixed(5, 9)).since(2019),
            ASCENSION,
            WHIT_MONDAY,
            on("National Day", Fixed(6, 23)),
            ASSUMPTION,
            ALL_SAINTS,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "NL",
        holidays: &[
            NEW_YEAR,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            on("King's Day", Fixed(4, 27)).moved(SundayToSaturday).since(2014),
            on("Liberation Day", Fixed(5, 5)).every(5),
            ASCENSION,
            WHIT_SUNDAY,
            WHIT_MONDAY,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "NO",
        holidays: &[
            NEW_YEAR,
            MAUNDY_THURSDAY,
            GOOD_FRIDAY,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            LABOUR_DAY,
            on("Constitution Day", Fixed(5, 17)),
            ASCENSION,
            WHIT_SUNDAY,
            WHIT_MONDAY,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "PL",
        holidays: &[
            NEW_YEAR,
            EPIPHANY.since(2011),
            EASTER_SUNDAY,
            EASTER_MONDAY,
            LABOUR_DAY,
            on("Constitution Day", Fixed(5, 3)),
            WHIT_SUNDAY,
            CORPUS_CHRISTI,
            ASSUMPTION,
            ALL_SAINTS,
            on("Independence Day", Fixed(11, 11)),
            CHRISTMAS_EVE.since(2025),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    Country {
        code: "PT",
        holidays: &[
            NEW_YEAR,
            GOOD_FRIDAY,
            EASTER_SUNDAY,
            on("Freedom Day", Fixed(4, 25)),
            LABOUR_DAY,
            CORPUS_CHRISTI,
            on("Portugal Day", Fixed(6, 10)),
            ASSUMPTION,
            on("Republic Day", Fixed(10, 5)),
            ALL_SAINTS,
            on("Restoration of Independence", Fixed(12, 1)),
            IMMACULATE,
            CHRISTMAS,
        ],
    },
    Country {
        code: "SE",
        holidays: &[
            NEW_YEAR,
            EPIPHANY,
            GOOD_FRIDAY,
            EASTER_SUNDAY,
            EASTER_MONDAY,
            LABOUR_DAY,
            ASCENSION,
            WHIT_SUNDAY,
            on("National Day", Fixed(6, 6)).since(2005),
            MIDSUMMER,
            NORDIC_ALL_SAINTS,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    },
    // Federal holidays.
    Country {
        code: "US",
        holidays: &[
            NEW_YEAR.moved(ToNearestWorkday),
            on("Martin Luther King Jr. Day", Nth(1, Monday, 3)),
            on("Washington's Birthday", Nth(2, Monday, 3)),
            on("Memorial Day", Nth(5, Monday, -1)),
            on("Juneteenth", Fixed(6, 19)).moved(ToNearestWorkday).since(2021),
            on("Independence Day", Fixed(7, 4)).moved(ToNearestWorkday),
            on("Labor Day", Nth(9, Monday, 1)),
            on("Columbus Day", Nth(10, Monday, 2)),
            on("Veterans Day", Fixed(11, 11)).moved(ToNearestWorkday),
            on("Thanksgiving Day", Nth(11, Thursday, 4)),
            CHRISTMAS.moved(ToNearestWorkday),
        ],
    },
];
