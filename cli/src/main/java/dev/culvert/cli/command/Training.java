// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.tunnel.gateway.Rehearsal;

/**
 * A run that shows the JVM how a gateway works: it starts, moves packets of its own, and ends. The
 * JVM records which classes it loads and which methods it runs, and the launcher makes an AOT cache
 * of that, with which gateways start faster and are compiled sooner. The launcher asks for this by
 * a system property.
 */
final class Training {
  private static final String PROPERTY = "culvert.training";

  private Training() {}

  /** Called when the gateway is ready: ends this process, once trained, if that is wanted. */
  static void runIfAsked() {
    if (!Boolean.getBoolean(PROPERTY)) {
      return;
    }
    Thread.ofPlatform()
        .name("training")
        .start(
            () -> {
              boolean done = Rehearsal.train();
              System.exit(done ? 0 : 1);
            });
  }
}
