// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import java.io.IOException;
import java.nio.file.Path;

/** The keys of the lab's gateways, as files in a folder, and as settings that name them. */
interface LabKeys {
  /** Writes the keys of the gateway of {@code site}. */
  void make(LabSite site, Path folder);

  /**
   * Replaces or deletes the key, so that the next start of the gateway of {@code site} has another
   * key than the other nodes know.
   */
  void lose(LabSite site, Path folder) throws IOException;

  /**
   * Gives the other nodes the present key of the gateway of {@code site}.
   *
   * @param publicKey its public key, if there is one
   */
  void republish(LabSite site, Path folder, String publicKey) throws IOException;

  /** The setting that gives the gateway of {@code site} its key; empty if its engine has that. */
  String ofNode(LabSite site, Path folder);

  /** The setting by which other nodes know the gateway of {@code site}; empty if there is none. */
  String ofPeer(LabSite site, Path folder);
}
