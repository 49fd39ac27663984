package dev.culvert.tunnel.esp.global;

/** What both ends drew for one exchange. */
record Epochs(Epoch initiator, Epoch responder) {}
