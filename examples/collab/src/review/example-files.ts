import type { SourceFile } from '@devmentor/contracts';

/** A small shop with a circle that is there at run time, and one that types alone close. */
export const exampleFiles: readonly SourceFile[] = [
  {
    path: 'main.ts',
    content: `import { addToCart, newCart } from './cart.ts';
import { catalog } from './catalog.ts';

const cart = newCart('ada');
for (const product of catalog.products) addToCart(cart, product);
console.log(cart.total);
`,
  },
  {
    path: 'cart.ts',
    content: `import { discountFor } from './discount.ts';
import type { Product } from './product.ts';

export interface Cart {
  readonly customerId: string;
  readonly products: Product[];
  total: number;
}

export function newCart(customerId: string): Cart {
  return { customerId, products: [], total: 0 };
}

export function addToCart(cart: Cart, product: Product): void {
  cart.products.push(product);
  cart.total += product.price * (1 - discountFor(cart.customerId));
}
`,
  },
  {
    path: 'discount.ts',
    content: `import { customerOf } from './customer.ts';

/** Regulars pay less. */
export function discountFor(customerId: string): number {
  return customerOf(customerId).orders > 10 ? 0.1 : 0;
}
`,
  },
  {
    path: 'customer.ts',
    content: `import { type Cart, newCart } from './cart.ts';

export interface Customer {
  readonly id: string;
  readonly orders: number;
  readonly cart: Cart;
}

export function customerOf(id: string): Customer {
  return { id, orders: id.length * 4, cart: newCart(id) };
}
`,
  },
  {
    path: 'catalog.ts',
    content: `import { product, type Product } from './product.ts';

export interface Catalog {
  readonly products: readonly Product[];
}

export const catalog: Catalog = { products: [product('lamp', 30), product('chair', 80)] };
`,
  },
  {
    path: 'product.ts',
    content: `import type { Catalog } from './catalog.ts';

export interface Product {
  readonly name: string;
  readonly price: number;
  readonly listedIn?: Catalog;
}

export function product(name: string, price: number): Product {
  return { name, price };
}
`,
  },
];
