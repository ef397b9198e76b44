//! What holds of every record of a hand-off that a browser brings.

use super::ticket::{Number, Ticket, TicketId};

/// R41: no byte is passed over.
pub(in crate::login) fn tickets_are_read_whole(bytes: &[u8]) {
    if let Some(ticket) = Ticket::decode(bytes) {
        assert_eq!(&*ticket.encode(), bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(number) = Number::parse(&text) {
        let shown = number.to_string();
        assert!(shown.len() == 2 && Number::parse(&shown) == Some(number));
    }
    if let Some(id) = TicketId::parse(&text) {
        assert_eq!(id.to_hex(), text);
    }
}
