// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

/** The epochs of both ends for one exchange. */
record Epochs(Epoch initiator, Epoch responder) {}
