//! The messages that Lastmile knows: when each is sent, what may stand in it, and its words as they come with Lastmile.

use super::Channel;
use crate::kernel::Language;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Template {
    /// Somebody is invited to work here: `name inviter role link valid_until`.
    StaffInvitation,
    /// A new password was asked for: `name link code valid_until`.
    PasswordReset,
    /// A code to sign in with: `name code minutes`.
    SignInCode,
    /// Money was received: `name amount number package paid_until`.
    PaymentReceipt,
    /// The time that was paid for ends soon: `name package paid_until amount`.
    ExpiryReminder,
    /// The line was closed: `name package reason amount`.
    LineHeld,
    /// The line was opened: `name package paid_until`.
    LineOpened,
}

/// What may stand in a message as `{name}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The word between the braces.
    pub name: &'static str,
    /// What it stands for.
    pub meaning: &'static str,
    /// An example in English and in Bangla.
    pub sample: (&'static str, &'static str),
    /// Whether it must be kept from everybody but the recipient.
    pub secret: bool,
    /// Whether there is always a value. A line with a variable that has none is left out.
    pub always: bool,
}

const fn variable(name: &'static str, meaning: &'static str, sample: (&'static str, &'static str)) -> Variable {
    Variable { name, meaning, sample, secret: false, always: true }
}

const fn maybe(variable: Variable) -> Variable {
    Variable { always: false, ..variable }
}

const fn secret(variable: Variable) -> Variable {
    Variable { secret: true, ..variable }
}

const COMPANY: Variable = variable("company", "the name of the company", ("Dhaka Fiber", "ঢাকা ফাইবার"));
const NAME: Variable = variable("name", "the name of the recipient", ("Rahim Uddin", "রহিম উদ্দিন"));
const PACKAGE: Variable = variable("package", "the name of the package", ("Home 20", "Home 20"));
const VALID_UNTIL: Variable =
    variable("valid_until", "when the link or the code ends", ("25 Nov 2026, 21:00", "২৫ নভেম্বর ২০২৬, ২১:০০"));
const PAID_UNTIL: Variable =
    maybe(variable("paid_until", "when the paid time ends", ("22 Dec 2026, 21:00", "২২ ডিসেম্বর ২০২৬, ২১:০০")));
const PRICE: Variable = maybe(variable("amount", "what the package costs", ("Tk 800", "৮০০ টাকা")));

/// Everything that is fixed about a kind of message.
pub struct Spec {
    /// When it is sent, in a sentence.
    pub about: &'static str,
    /// What may stand in it.
    pub variables: &'static [Variable],
    /// At least one of these must stand in every text, or the message is of no use.
    pub needs: &'static [&'static str],
    /// Lower goes first.
    pub priority: i64,
    /// Not sent later than this after its cause, in milliseconds.
    pub lives_ms: i64,
    /// By which ways, the first that works.
    pub channels: &'static [Channel],
    /// Whether it may be switched off.
    pub switchable: bool,
}

/// Words of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Subject of an e-mail; empty for SMS.
    pub subject: &'static str,
    /// The text.
    pub body: &'static str,
}

const BOTH: &[Channel] = &[Channel::Email, Channel::Sms];
const PHONE_FIRST: &[Channel] = &[Channel::Sms, Channel::Email];

impl Template {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StaffInvitation,
        Self::PasswordReset,
        Self::SignInCode,
        Self::PaymentReceipt,
        Self::ExpiryReminder,
        Self::LineHeld,
        Self::LineOpened,
    ];

    /// The word under which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StaffInvitation => "staff_invitation",
            Self::PasswordReset => "password_reset",
            Self::SignInCode => "sign_in_code",
            Self::PaymentReceipt => "payment_receipt",
            Self::ExpiryReminder => "expiry_reminder",
            Self::LineHeld => "line_held",
            Self::LineOpened => "line_opened",
        }
    }

    /// What is fixed about it.
    #[must_use]
    pub const fn spec(self) -> Spec {
        match self {
            Self::StaffInvitation => Spec {
                about: "Somebody is invited to work with Lastmile.",
                variables: const {
                    &[
                        COMPANY,
                        NAME,
                        variable("inviter", "who invites", ("Nasreen Akter", "নাসরিন আক্তার")),
                        variable("role", "as what", ("Cashier", "ক্যাশিয়ার")),
                        secret(variable("link", "where a password is chosen", SAMPLE_LINK)),
                        VALID_UNTIL,
                    ]
                },
                needs: &["link"],
                priority: 1,
                lives_ms: DAY_MS,
                channels: BOTH,
                switchable: false,
            },
            Self::PasswordReset => Spec {
                about: "Somebody has asked for a new password.",
                variables: const {
                    &[
                        COMPANY,
                        NAME,
                        maybe(secret(variable("link", "where a new password is chosen", SAMPLE_LINK))),
                        maybe(secret(variable("code", "the code to type", SAMPLE_CODE))),
                        VALID_UNTIL,
                    ]
                },
                needs: &["link", "code"],
                priority: 0,
                lives_ms: 30 * MINUTE_MS,
                channels: BOTH,
                switchable: false,
            },
            Self::SignInCode => Spec {
                about: "Somebody signs in and needs a code.",
                variables: const {
                    &[
                        COMPANY,
                        NAME,
                        secret(variable("code", "the code to type", SAMPLE_CODE)),
                        variable("minutes", "how long the code is good", ("10", "১০")),
                    ]
                },
                needs: &["code"],
                priority: 0,
                lives_ms: 10 * MINUTE_MS,
                channels: PHONE_FIRST,
                switchable: false,
            },
            Self::PaymentReceipt => Spec {
                about: "A payment was taken.",
                variables: const {
                    &[
                        COMPANY,
                        NAME,
                        variable("amount", "what was paid", ("Tk 800", "৮০০ টাকা")),
                        variable("number", "number of the receipt", ("R-000123", "R-০০০১২৩")),
                        PACKAGE,
                        PAID_UNTIL,
                    ]
                },
                needs: &["amount"],
                priority: 1,
                lives_ms: DAY_MS,
                channels: PHONE_FIRST,
                switchable: true,
            },
            Self::ExpiryReminder => Spec {
                about: "The time that a customer has paid for ends soon.",
                variables: const { &[COMPANY, NAME, PACKAGE, PAID_UNTIL, PRICE] },
                needs: &[],
                priority: 2,
                lives_ms: DAY_MS,
                channels: PHONE_FIRST,
                switchable: true,
            },
            Self::LineHeld => Spec {
                about: "A line was closed because it is not paid for.",
                variables: const { &[COMPANY, NAME, PACKAGE, PRICE] },
                needs: &[],
                priority: 1,
                lives_ms: DAY_MS,
                channels: PHONE_FIRST,
                switchable: true,
            },
            Self::LineOpened => Spec {
                about: "A line that was closed is open again. A payment that opens it sends its receipt instead.",
                variables: const { &[COMPANY, NAME, PACKAGE, PAID_UNTIL] },
                needs: &[],
                priority: 1,
                lives_ms: 6 * HOUR_MS,
                channels: PHONE_FIRST,
                switchable: true,
            },
        }
    }

    /// The variable of this name.
    #[must_use]
    pub fn variable(self, name: &str) -> Option<&'static Variable> {
        self.spec().variables.iter().find(|variable| variable.name == name)
    }

    /// Its words as they come with Lastmile. English SMS keep to the alphabet that costs half.
    #[must_use]
    pub const fn words(self, language: Language, channel: Channel) -> Words {
        match (language, channel) {
            (Language::En, Channel::Email) => self.english_email(),
            (Language::En, Channel::Sms) => Words { subject: "", body: self.english_sms() },
            (Language::Bn, Channel::Email) => self.bangla_email(),
            (Language::Bn, Channel::Sms) => Words { subject: "", body: self.bangla_sms() },
        }
    }

    const fn english_email(self) -> Words {
        match self {
            Self::StaffInvitation => Words {
                subject: "{company}: you are invited",
                body: "Dear {name},\n\n{inviter} invites you to work with {company} as {role}. Choose your password \
                       here:\n\n{link}\n\nThe link works once, until {valid_until}. If you do not know why you get \
                       this, do nothing.",
            },
            Self::PasswordReset => Words {
                subject: "{company}: a new password",
                body: "Dear {name},\n\nsomebody, probably you, has asked for a new password.\n\n\
                       Choose it here: {link}\nYour code: {code}\n\nThis works once, until {valid_until}. If it was \
                       not you, do nothing: your password stays as it is.",
            },
            Self::SignInCode => Words {
                subject: "{company}: your code to sign in",
                body: "Dear {name},\n\nyour code is {code}. It is good for {minutes} minutes.\n\nNobody from \
                       {company} will ever ask you for it.",
            },
            Self::PaymentReceipt => Words {
                subject: "{company}: receipt {number}",
                body: "Dear {name},\n\nwe have received {amount} for {package}. Thank you.\nReceipt: {number}\n\
                       Paid until: {paid_until}",
            },
            Self::ExpiryReminder => Words {
                subject: "{company}: your package ends soon",
                body: "Dear {name},\n\n{package} is paid until {paid_until}.\nPlease pay {amount} before, so that \
                       your line stays open.",
            },
            Self::LineHeld => Words {
                subject: "{company}: your line is closed",
                body: "Dear {name},\n\nyour line ({package}) is closed, because it is not paid for.\n\
                       It opens by itself when {amount} is paid.",
            },
            Self::LineOpened => Words {
                subject: "{company}: your line is open",
                body: "Dear {name},\n\nyour line ({package}) is open again.\nPaid until: {paid_until}",
            },
        }
    }

    const fn english_sms(self) -> &'static str {
        match self {
            Self::StaffInvitation => "{company}: {inviter} invites you as {role}. Choose your password: {link}",
            Self::PasswordReset => {
                "{company}: a new password was asked for.\nCode: {code}\nLink: {link}\nNot you? Do nothing."
            }
            Self::SignInCode => {
                "{code} is your {company} code, good for {minutes} minutes. Nobody from us will ask you for it."
            }
            Self::PaymentReceipt => {
                "{company}: received {amount} for {package}, receipt {number}. Thank you.\nPaid until {paid_until}."
            }
            Self::ExpiryReminder => {
                "{company}: {package} is paid until {paid_until}.\nPlease pay {amount} before, to stay online."
            }
            Self::LineHeld => {
                "{company}: your line ({package}) is closed, because it is not paid for.\n\
                 It opens by itself when {amount} is paid."
            }
            Self::LineOpened => "{company}: your line ({package}) is open again.\nPaid until {paid_until}.",
        }
    }

    const fn bangla_email(self) -> Words {
        match self {
            Self::StaffInvitation => Words {
                subject: "{company}: আপনাকে আমন্ত্রণ",
                body: "প্রিয় {name},\n\n{inviter} আপনাকে {company}-এ {role} হিসেবে কাজ করার আমন্ত্রণ জানিয়েছেন। এখানে আপনার \
                       পাসওয়ার্ড ঠিক করুন:\n\n{link}\n\nলিংকটি একবার কাজ করে, {valid_until} পর্যন্ত। কেন এটি পেলেন তা না \
                       জানলে কিছু করার দরকার নেই।",
            },
            Self::PasswordReset => Words {
                subject: "{company}: নতুন পাসওয়ার্ড",
                body: "প্রিয় {name},\n\nকেউ, সম্ভবত আপনি, নতুন পাসওয়ার্ড চেয়েছেন।\n\nএখানে ঠিক করুন: {link}\n\
                       আপনার কোড: {code}\n\nএটি একবার কাজ করে, {valid_until} পর্যন্ত। আপনি না চেয়ে থাকলে কিছু করবেন না: \
                       আপনার পাসওয়ার্ড আগের মতোই থাকবে।",
            },
            Self::SignInCode => Words {
                subject: "{company}: সাইন ইন করার কোড",
                body: "প্রিয় {name},\n\nআপনার কোড {code}। এটি {minutes} মিনিট কাজ করবে।\n\n{company}-এর কেউ কখনো \
                       আপনার কাছে এটি চাইবে না।",
            },
            Self::PaymentReceipt => Words {
                subject: "{company}: রসিদ {number}",
                body: "প্রিয় {name},\n\n{package} বাবদ {amount} পেয়েছি। ধন্যবাদ।\nরসিদ: {number}\nমেয়াদ: {paid_until} পর্যন্ত",
            },
            Self::ExpiryReminder => Words {
                subject: "{company}: আপনার মেয়াদ শেষ হচ্ছে",
                body: "প্রিয় {name},\n\n{package}-এর মেয়াদ {paid_until} পর্যন্ত।\nসংযোগ চালু রাখতে তার আগে {amount} পরিশোধ করুন।",
            },
            Self::LineHeld => Words {
                subject: "{company}: আপনার সংযোগ বন্ধ",
                body: "প্রিয় {name},\n\nবিল বকেয়া থাকায় আপনার সংযোগ ({package}) বন্ধ আছে।\n{amount} পরিশোধ করলেই এটি \
                       নিজে থেকে চালু হবে।",
            },
            Self::LineOpened => Words {
                subject: "{company}: আপনার সংযোগ চালু",
                body: "প্রিয় {name},\n\nআপনার সংযোগ ({package}) আবার চালু হয়েছে।\nমেয়াদ: {paid_until} পর্যন্ত",
            },
        }
    }

    const fn bangla_sms(self) -> &'static str {
        match self {
            Self::StaffInvitation => "{company}: {inviter} আপনাকে {role} হিসেবে আমন্ত্রণ জানিয়েছেন। পাসওয়ার্ড ঠিক করুন: {link}",
            Self::PasswordReset => {
                "{company}: নতুন পাসওয়ার্ড চাওয়া হয়েছে।\nকোড: {code}\nলিংক: {link}\nআপনি না চাইলে কিছু করবেন না।"
            }
            Self::SignInCode => "{company} কোড: {code}। {minutes} মিনিট কাজ করবে। আমাদের কেউ এটি চাইবে না।",
            Self::PaymentReceipt => {
                "{company}: {package} বাবদ {amount} পেয়েছি, রসিদ {number}। ধন্যবাদ।\nমেয়াদ {paid_until} পর্যন্ত।"
            }
            Self::ExpiryReminder => {
                "{company}: {package}-এর মেয়াদ {paid_until} পর্যন্ত।\nসংযোগ চালু রাখতে {amount} পরিশোধ করুন।"
            }
            Self::LineHeld => "{company}: বিল বকেয়া থাকায় সংযোগ ({package}) বন্ধ আছে।\n{amount} পরিশোধ করলেই চালু হবে।",
            Self::LineOpened => "{company}: আপনার সংযোগ ({package}) আবার চালু হয়েছে।\nমেয়াদ {paid_until} পর্যন্ত।",
        }
    }
}

const SAMPLE_LINK: (&str, &str) = ("https://isp.example/i/4h2kq9w7ezx3", "https://isp.example/i/4h2kq9w7ezx3");
const SAMPLE_CODE: (&str, &str) = ("482913", "482913");

/// A word that names no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such message")]
pub struct BadTemplate;

impl std::str::FromStr for Template {
    type Err = BadTemplate;
    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        Self::ALL.into_iter().find(|template| template.as_str() == text).ok_or(BadTemplate)
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
