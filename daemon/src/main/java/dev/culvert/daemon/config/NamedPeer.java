// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/**
 * A peer whose endpoint is a name.
 *
 * @param id the peer's identity in its engine: its public key, or with ESP its name
 * @param label the peer's name for people
 * @param v4 whether an IPv4 address can be used
 * @param v6 whether an IPv6 address can be used
 */
public record NamedPeer(String id, String label, String host, int port, boolean v4, boolean v6) {
  /** The endpoint as it was written. */
  public String endpoint() {
    return host + ":" + port;
  }
}
