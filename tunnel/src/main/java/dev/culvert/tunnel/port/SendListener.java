// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

/** Receives the failures that the sender of a batch has to react to. */
@FunctionalInterface
public interface SendListener {
  /**
   * The kernel refused the endpoint's source address or interface, and took the train without them:
   * the endpoint should forget its source.
   *
   * @param train index in the batch
   */
  void onRefusedSource(int train);
}
