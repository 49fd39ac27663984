package dev.culvert.tunnel.esp.keying;

/** What both ends drew for one exchange. */
record Epochs(Epoch initiator, Epoch responder) {}
