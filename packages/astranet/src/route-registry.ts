import { LiveRegistry } from "@astranet/discovery";
import type { RouteInfo, Router } from "@astranet/router";

/** A router's routes by id, live. (Round trips change all the time, without anybody being told: `routes()` has those of now.) */
export function routeRegistry(router: Router): LiveRegistry<RouteInfo> {
  const registry = new LiveRegistry<RouteInfo>();
  for (const route of router.routes()) registry.set(route.id, route.id, route);
  router.subscribe((event) => {
    if (event.type !== "reachability") return;
    const route = router.route(event.id);
    if (route === undefined) registry.delete(event.id);
    else registry.set(event.id, event.id, route);
  });
  return registry;
}
