// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.util.List;

/** A process that keeps {@link Plans#worker} until it is killed. */
final class KeeperProcess {
  static final String READY = "the plan is kept";

  private KeeperProcess() {}

  public static void main(String[] arguments) throws Exception {
    Keeper.Listener listener =
        new Keeper.Listener() {
          @Override
          public void repaired(List<String> changes, int ofGuard) {
            System.out.println("repaired " + changes);
          }

          @Override
          public void completed(List<String> changes) {
            System.out.println("completed " + changes);
          }

          @Override
          public void ended(Throwable cause) {
            System.out.println("ended " + cause);
          }

          @Override
          public void hostChanged() {
            System.out.println("host changed");
          }
        };
    try (Keeper keeper = Keeper.start(Plans.worker(), listener)) {
      keeper.update(Plans.worker());
      System.out.println(READY);
      Thread.sleep(Long.MAX_VALUE);
    }
  }
}
