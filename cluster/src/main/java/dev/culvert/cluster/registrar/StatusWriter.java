// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Writes statuses, some at a time, as long as this replica leads. */
final class StatusWriter implements AutoCloseable {
  private static final int AT_A_TIME = 8;

  private final KubeApi api;
  private final BooleanSupplier leads;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(AT_A_TIME, Thread.ofVirtual().name("registrar-", 0).factory());

  /** The fate of a write. */
  sealed interface Outcome {}

  /** The status is in force, as the server says it. */
  record Written(CulvertNode object) implements Outcome {}

  /** Nothing was written, since the object is another one by now. */
  record Late(CulvertNode object) implements Outcome {}

  /** There is no such object. */
  record Gone() implements Outcome {}

  /** Nothing was written. */
  record Refused(KubeException error) implements Outcome {}

  /** The status may have been written or not. */
  record Unknown(KubeException error) implements Outcome {}

  /** Nothing was sent: this replica does not lead, or the Node is there after all. */
  record NotSent() implements Outcome {}

  StatusWriter(KubeApi api, BooleanSupplier leads) {
    this.api = api;
    this.leads = leads;
  }

  /** Writes all, and tells the fate of each. */
  List<Outcome> write(List<StatusChange> changes) throws InterruptedException {
    List<Callable<Outcome>> tasks = new ArrayList<>();
    changes.forEach(change -> tasks.add(() -> write(change)));
    List<Outcome> outcomes = new ArrayList<>();
    for (Future<Outcome> task : threads.invokeAll(tasks)) {
      try {
        outcomes.add(task.get());
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      }
    }
    return outcomes;
  }

  private Outcome write(StatusChange change) {
    try {
      if (change.nodeGone() && isNodeThere(change.object())) {
        return new NotSent();
      }
    } catch (KubeException e) {
      return new Refused(e);
    }
    if (!leads.getAsBoolean()) {
      return new NotSent();
    }
    try {
      return new Written(
          api.patch(ResourceKind.CULVERT_NODES, change.name(), "status", change.patch()));
    } catch (KubeException e) {
      return switch (e.code()) {
        case KubeException.CONFLICT -> readAgain(change.name());
        case KubeException.NOT_FOUND -> new Gone();
        default -> mayHaveHappened(e) ? new Unknown(e) : new Refused(e);
      };
    }
  }

  private static boolean mayHaveHappened(KubeException e) {
    return e.code() == KubeException.NO_ANSWER || e.code() >= 500;
  }

  private Outcome readAgain(String name) {
    try {
      return new Late(api.get(ResourceKind.CULVERT_NODES, name));
    } catch (KubeException e) {
      return e.code() == KubeException.NOT_FOUND ? new Gone() : new Unknown(e);
    }
  }

  /** Whether the Node of a claim is there, by a read of the Node itself. */
  private boolean isNodeThere(CulvertNode claim) throws KubeException {
    try {
      String uid = api.get(ResourceKind.NODES, claim.metadata().name()).metadata().uid();
      return uid.equals(claim.spec().nodeUID());
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Deletes a claim whose Node is gone.
   *
   * @return why it was not deleted, or null
   */
  @Nullable String delete(CulvertNode claim) {
    try {
      if (isNodeThere(claim)) {
        return "its Node is there";
      }
      if (!leads.getAsBoolean()) {
        return "this registrar does not lead";
      }
      api.delete(ResourceKind.CULVERT_NODES, claim.metadata().name(), claim.metadata().uid());
      return null;
    } catch (KubeException e) {
      return e.getMessage();
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
