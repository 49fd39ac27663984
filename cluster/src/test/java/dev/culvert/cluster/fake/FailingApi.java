// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.fake;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** An API that fails each request: doubles have the requests that their tests need. */
public abstract class FailingApi implements KubeApi {
  private static AssertionError unneeded(String request) {
    return new AssertionError("no test needs this request: " + request);
  }

  @Override
  public <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query)
      throws KubeException {
    throw unneeded("list");
  }

  @Override
  public <T extends KubeObject> WatchStream<T> watch(
      ResourceKind<T> kind,
      @Nullable String fieldSelector,
      String resourceVersion,
      Duration timeout)
      throws KubeException {
    throw unneeded("watch");
  }

  @Override
  public <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException {
    throw unneeded("get");
  }

  @Override
  public <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) throws KubeException {
    throw unneeded("create");
  }

  @Override
  public <T extends KubeObject> T patch(
      ResourceKind<T> kind, String name, @Nullable String subresource, byte[] json)
      throws KubeException {
    throw unneeded("patch");
  }

  @Override
  public <T extends KubeObject> T replace(ResourceKind<T> kind, String name, byte[] json)
      throws KubeException {
    throw unneeded("replace");
  }

  @Override
  public void delete(ResourceKind<?> kind, String name, String uid) throws KubeException {
    throw unneeded("delete");
  }

  @Override
  public void close() {}
}
